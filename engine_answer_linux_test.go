package spout

import (
	"bytes"
	"io"
	"testing"
)

// What is sent before the answer to the handshake goes behind it, also if the system does not take the whole answer at
// once.
func TestEngineLongAnswerComesFirst(t *testing.T) {
	c, far := acceptedTCP(t)
	c.writing = true // as upgrade does
	if err := c.Send(Text("behind")); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping([]byte("also behind")); err != nil {
		t.Fatal(err)
	}
	head := bytes.Repeat([]byte("0123456789abcdef"), 2<<20) // more than the system takes
	answered := make(chan error, 1)
	go func() { answered <- c.answer(head) }()
	got := make([]byte, len(head)+2+11+2+6)
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if !bytes.HasPrefix(got, head) {
		t.Errorf("the answer is not what comes first: %d of its bytes are", bytes.Index(got, []byte("\x89\x0balso behind")))
	} else if want := "\x89\x0balso behind\x81\x06behind"; string(got[len(head):]) != want {
		t.Errorf("behind the answer came %q, want %q", got[len(head):], want)
	}
	c.CloseNow()
	c.stream.run(nil, false)
	<-c.Context().Done()
}
