package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Direction tells who sent the bytes of a Transfer.
type Direction string

// The directions, and Note for what happened without bytes.
const (
	Sent     Direction = "sent"
	Received Direction = "received"
	Note     Direction = "note"
)

// Transfer is a run of bytes in one direction.
type Transfer struct {
	Direction Direction
	Length    int    // bytes in all
	Data      []byte // the first of them, at most 1,024
	Text      string // of a Note
}

const (
	keptBytes     = 1024
	shownBytes    = 128
	keptTransfers = 64
)

// exchange records a case's transfers, cut to what a report can show.
type exchange struct {
	transfers []Transfer
}

// add records bytes. What is received in several reads is one transfer.
func (x *exchange) add(d Direction, b []byte) {
	if last := len(x.transfers) - 1; d == Received && last >= 0 && x.transfers[last].Direction == Received {
		t := &x.transfers[last]
		t.Data = append(t.Data, head(b, keptBytes-len(t.Data))...)
		t.Length += len(b)
		return
	}
	if len(x.transfers) < keptTransfers {
		kept := append([]byte(nil), head(b, keptBytes)...)
		x.transfers = append(x.transfers, Transfer{Direction: d, Length: len(b), Data: kept})
	}
}

// note records what happened without bytes.
func (x *exchange) note(text string) {
	if len(x.transfers) < keptTransfers {
		x.transfers = append(x.transfers, Transfer{Direction: Note, Text: text})
	}
}

func head(b []byte, n int) []byte {
	if len(b) > n {
		return b[:n]
	}
	return b
}

// String shows the transfer, with > before what was sent and < before what was received: a
// handshake as its lines, all else as a hex dump of the first bytes.
func (t Transfer) String() string {
	if t.Direction == Note {
		return "* " + t.Text + "\n"
	}
	mark := ">"
	if t.Direction == Received {
		mark = "<"
	}
	if t.Length == 0 {
		return mark + " nothing\n"
	}
	var b strings.Builder
	shown := t.Data
	if isHandshake(shown) {
		for line := range strings.Lines(string(shown)) {
			quoted := strconv.Quote(line)
			fmt.Fprintf(&b, "%s %s\n", mark, strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`))
		}
	} else {
		shown = head(shown, shownBytes)
		for i := 0; i < len(shown); i += 16 {
			line := shown[i:min(i+16, len(shown))]
			fmt.Fprintf(&b, "%s %04x  % -47x  %s\n", mark, i, line, printable(line))
		}
	}
	if more := t.Length - len(shown); more > 0 {
		fmt.Fprintf(&b, "%s ... and %d more bytes\n", mark, more)
	}
	return b.String()
}

// isHandshake reports whether b begins as HTTP does; no frame of a case begins with a letter.
func isHandshake(b []byte) bool {
	return len(b) > 0 && (b[0] >= 'A' && b[0] <= 'Z' || b[0] >= 'a' && b[0] <= 'z')
}

func printable(b []byte) string {
	s := make([]byte, len(b))
	for i, c := range b {
		s[i] = '.'
		if c >= ' ' && c <= '~' {
			s[i] = c
		}
	}
	return string(s)
}
