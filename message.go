package spout

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Type says whether a message is text or binary (RFC 6455, section 5.6).
type Type uint8

// The types of messages, numbered as their opcodes.
const (
	TextMessage   Type = 0x1
	BinaryMessage Type = 0x2
)

func (t Type) String() string {
	switch t {
	case TextMessage:
		return "text"
	case BinaryMessage:
		return "binary"
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Message is one WebSocket message. The Data of a received message belongs to whoever received
// it; that of a message being sent is only read, and the caller's again when the call returns.
type Message struct {
	Type         Type
	uncompressed bool // it must not be compressed
	deflated     bool // Data is still compressed
	loan         uint32

	Data []byte // UTF-8 if Type is TextMessage

	memory   *memory // what Data lies in, if that can be released, on that loan
	prepared *prepared
}

// Text returns a text message.
func Text(s string) Message { return Message{Type: TextMessage, Data: []byte(s)} }

// Binary returns a binary message with the given data, which it does not copy.
func Binary(b []byte) Message { return Message{Type: BinaryMessage, Data: b} }

// JSON returns a text message with the JSON encoding of v.
func JSON(v any) (Message, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return Message{}, fmt.Errorf("spout: message: %w", err)
	}
	return Message{Type: TextMessage, Data: b}, nil
}

// String returns the message's data as a string.
func (m Message) String() string { return string(m.Data) }

// Decode stores the JSON text of the message in the value that v points to.
func (m Message) Decode(v any) error {
	if err := json.Unmarshal(m.Data, v); err != nil {
		return fmt.Errorf("spout: message: %w", err)
	}
	return nil
}

// Prepare returns the message in a form that is encoded once, and compressed once for each kind of
// compression that was agreed on, however many connections it is sent to. It holds a copy of Data;
// changing Data afterwards does not change what is sent.
func (m Message) Prepare() Message {
	m.prepared = prepare(m)
	return m
}

// Uncompressed returns the message in a form that is sent without compression, whatever
// Options.Compression says: what is compressed already, or secret.
func (m Message) Uncompressed() Message {
	m.uncompressed = true
	return m
}

// check reports why the message can't be sent.
func (m Message) check() error {
	if m.prepared != nil {
		return m.prepared.err
	}
	switch m.Type {
	case TextMessage:
		if !utf8.Valid(m.Data) {
			return &UsageError{"send", "text message is not UTF-8; use Binary for other data"}
		}
	case BinaryMessage:
	default:
		return &UsageError{"send", "message is neither TextMessage nor BinaryMessage"}
	}
	return nil
}
