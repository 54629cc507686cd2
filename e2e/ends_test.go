package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/e2e/peers"
)

// event is what happened at one end of a connection, ours or another library's.
type event struct {
	Event       string `json:"event"` // listening, open, refused, message, ping, pong or close
	Type        string `json:"type"`  // of a message: text or binary
	Size        int    `json:"size"`
	Sum         string `json:"sum"` // SHA-256 in hexadecimal digits
	Data        []byte `json:"data"`
	Subprotocol string `json:"subprotocol"`
	Code        int    `json:"code"`
	Reason      string `json:"reason"`
	Remote      bool   `json:"-"` // our end only: the close began at the other end
	Status      int    `json:"status"`
	Port        int    `json:"port"`
}

func (e event) String() string {
	return fmt.Sprintf("%s %s size=%d sum=%.8s data=%q subprotocol=%q code=%d reason=%q remote=%t status=%d",
		e.Event, e.Type, e.Size, e.Sum, e.Data, e.Subprotocol, e.Code, e.Reason, e.Remote, e.Status)
}

func (e event) equal(f event) bool {
	same := bytes.Equal(e.Data, f.Data)
	e.Data, f.Data = nil, nil
	return same && reflect.DeepEqual(e, f)
}

// opened, message, closed and control make the events that tests want.
func opened(subprotocol string) event        { return event{Event: "open", Subprotocol: subprotocol} }
func closed(code int, reason string) event   { return event{Event: "close", Code: code, Reason: reason} }
func control(name string, data []byte) event { return event{Event: name, Data: data} }

func message(typ string, data []byte) event {
	return event{Event: "message", Type: typ, Size: len(data), Sum: fmt.Sprintf("%x", sha256.Sum256(data))}
}

// payload is a message to be sent: a unit, repeated.
type payload struct {
	typ   string
	unit  []byte
	times int
}

func text(unit string, times int) payload   { return payload{"text", []byte(unit), times} }
func binary(unit []byte, times int) payload { return payload{"binary", unit, times} }

func (p payload) data() []byte { return bytes.Repeat(p.unit, p.times) }

// theirs is an end by another library, in a process of its own that is told
// what to do. It has one connection at a time.
type theirs struct {
	*child
	library
}

// library is what one can see and do with a library.
type library struct {
	peer      peers.Peer
	script    string
	fragments bool // sends a message in several frames
	seesPings bool // tells when a ping has come
	closeless bool // can send a close frame without a code
	says1006  bool // tells a lost connection from a close frame without a code
}

var (
	tornado    = library{peers.Tornado, "tornado_end.py", false, true, true, false}
	websockets = library{peers.Websockets, "websockets_end.py", true, false, false, true}
	ws         = library{peers.WS, "ws_end.mjs", true, true, true, true}
)

// startEnd runs a library's end in one of its modes.
func startEnd(t *testing.T, l library, mode ...string) *theirs {
	t.Helper()
	return &theirs{start(t, peers.Script(t, l.peer, filepath.Join("testdata", l.script), mode...)), l}
}

// command is what the other end is told to do.
type command struct {
	Do           string   `json:"do"` // dial, send, ping or close
	URL          string   `json:"url,omitempty"`
	Subprotocols []string `json:"subprotocols,omitempty"`
	CA           string   `json:"ca,omitempty"`
	Type         string   `json:"type,omitempty"`
	Data         []byte   `json:"data"`
	Times        int      `json:"times"` // how often the data is repeated
	Parts        [][]byte `json:"parts,omitempty"`
	Code         int      `json:"code,omitempty"`
	Reason       string   `json:"reason,omitempty"`
}

func (e *theirs) do(t *testing.T, c command) {
	t.Helper()
	line, err := json.Marshal(c)
	if err == nil {
		_, err = e.stdin.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatalf("telling the other end to %s: %v", c.Do, err)
	}
}

func (e *theirs) send(t *testing.T, p payload) {
	t.Helper()
	e.do(t, command{Do: "send", Type: p.typ, Data: p.unit, Times: p.times})
}

func (e *theirs) next(t *testing.T) (got event) {
	t.Helper()
	line := e.line(t)
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v in %.200q", err, line)
	}
	return got
}

// got wants a message that came.
func (e *theirs) got(t *testing.T, p payload) {
	t.Helper()
	e.want(t, message(p.typ, p.data()))
}

func (e *theirs) want(t *testing.T, wanted event) {
	t.Helper()
	if got := e.next(t); !got.equal(wanted) {
		t.Fatalf("the other end saw\n%v, want\n%v", got, wanted)
	}
}

// ours is our end of a connection, read in one of the styles.
type ours struct {
	c        *spout.Conn
	events   <-chan event
	controls bool // pings and pongs are among the events
}

func (e *ours) send(t *testing.T, p payload) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.c.Write(ctx, p.message()); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func (e *ours) next(t *testing.T) event {
	t.Helper()
	select {
	case got, ok := <-e.events:
		if !ok {
			t.Fatal("our end saw nothing after its close")
		}
		return got
	case <-time.After(patience):
		t.Fatalf("our end saw nothing for %v", patience)
	}
	panic("unreachable")
}

// got wants a message that came.
func (e *ours) got(t *testing.T, p payload) {
	t.Helper()
	e.want(t, message(p.typ, p.data()))
}

func (e *ours) want(t *testing.T, wanted event) {
	t.Helper()
	if got := e.next(t); !got.equal(wanted) {
		t.Fatalf("our end saw\n%v, want\n%v", got, wanted)
	}
}

// message is what spout writes for the payload.
func (p payload) message() spout.Message {
	if p.typ == "text" {
		return spout.Text(string(p.data()))
	}
	return spout.Binary(p.data())
}

// arrival is the event of a message that spout has read.
func arrival(typ spout.Type, data []byte) event {
	if typ == spout.TextMessage {
		return message("text", data)
	}
	return message("binary", data)
}

// ending is the event of the error that ends a connection.
func ending(err error) event {
	var closing *spout.CloseError
	if !errors.As(err, &closing) {
		return event{Event: fmt.Sprintf("ended with %T, not *CloseError: %v", err, err)}
	}
	e := closed(int(closing.Code), closing.Reason)
	e.Remote = closing.Remote
	return e
}

// style is a way to read a connection.
type style struct {
	name string
	read func(c *spout.Conn, events chan<- event) error // until c has ended; nil: by a Handler
}

var styles = []style{
	{"Read", func(c *spout.Conn, events chan<- event) error {
		for {
			m, err := c.Read(context.Background())
			if err != nil {
				return err
			}
			events <- arrival(m.Type, m.Data)
		}
	}},
	{"Messages", func(c *spout.Conn, events chan<- event) error {
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				return err
			}
			events <- arrival(m.Type, m.Data)
		}
		_, err := c.Read(context.Background()) // says how it ended
		return err
	}},
	{"Reader", func(c *spout.Conn, events chan<- event) error {
		for {
			typ, r, err := c.Reader(context.Background())
			if err != nil {
				return err
			}
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			events <- arrival(typ, data)
		}
	}},
	{"Serve", nil},
}

// attach reads c in the style, as a client does.
func (s style) attach(c *spout.Conn) *ours {
	events := make(chan event, 1024)
	if s.read == nil {
		go c.Serve(&recorder{events: events})
	} else {
		go s.loop(c, events)
	}
	return &ours{c, events, s.read == nil}
}

// loop reads c until its end.
func (s style) loop(c *spout.Conn, events chan<- event) {
	defer close(events)
	events <- opened(c.Subprotocol())
	events <- ending(s.read(c, events))
}

// recorder is a Handler that turns what it is called with into events.
type recorder struct {
	spout.Base
	events   chan event
	accepted chan<- *ours // on the server: where to announce the connection
}

func (r *recorder) OnOpen(c *spout.Conn) error {
	if r.accepted != nil {
		r.accepted <- &ours{c, r.events, true}
	}
	r.events <- opened(c.Subprotocol())
	return nil
}

func (r *recorder) OnMessage(c *spout.Conn, m spout.Message) error {
	r.events <- arrival(m.Type, m.Data)
	return nil
}

func (r *recorder) OnPing(c *spout.Conn, data []byte) { r.events <- control("ping", bytes.Clone(data)) }
func (r *recorder) OnPong(c *spout.Conn, data []byte) { r.events <- control("pong", bytes.Clone(data)) }

func (r *recorder) OnClose(c *spout.Conn, err error) {
	r.events <- ending(err)
	close(r.events)
}
