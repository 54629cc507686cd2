package hub

import (
	"fmt"
	"strconv"
	"strings"
)

// Position says where a member stands in the history of a room. The zero Position stands nowhere.
//
// Offsets grow from one message of a room to the next, not always by one; they mean something within
// their epoch only. A new epoch begins when a history was lost, for example because it was kept in the
// memory of a process that has ended.
type Position struct {
	Epoch  string // letters, digits, '-' and '_'
	Offset uint64 // of the last message that was seen, 0 before the first
}

// IsZero reports whether p stands nowhere.
func (p Position) IsZero() bool { return p == Position{} }

// String returns the text form, "epoch:offset"; of the zero Position it is empty.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	return p.Epoch + ":" + strconv.FormatUint(p.Offset, 10)
}

// ParsePosition returns the Position of a text form.
func ParsePosition(s string) (Position, error) {
	if s == "" {
		return Position{}, nil
	}
	epoch, digits, ok := strings.Cut(s, ":")
	offset, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || epoch == "" || len(epoch) > maxEpoch || strings.Trim(epoch, epochCharacters) != "" ||
		digits != strconv.FormatUint(offset, 10) {
		return Position{}, fmt.Errorf("hub: %.80q is no position: want epoch:offset, like k3f9:17", s)
	}
	return Position{epoch, offset}, nil
}

const (
	maxEpoch        = 64
	epochCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

// MarshalText returns the text form.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePosition].
func (p *Position) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePosition(string(b))
	return err
}
