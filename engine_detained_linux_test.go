package spout

import (
	"testing"
	"time"

	"github.com/spoutws/spout/internal/poll"
	"github.com/spoutws/spout/internal/proto"
)

// The monitor may tell of a takeover before the call of Ready that it is about has begun to decode: its goroutine was
// kept elsewhere. What the handler sends then leaves all the same, though it blocks and more input follows.
func TestEngineDetainedBeforeReady(t *testing.T) {
	c, far := acceptedTCP(t)
	far.SetDeadline(time.Now().Add(10 * time.Second))
	received, over := make(chan struct{}), make(chan struct{})
	c.handler = HandlerFunc(func(c *Conn, m Message) error {
		if m.String() != "block" {
			return nil
		}
		if err := c.Send(m); err != nil {
			return err
		}
		<-received
		return nil
	})
	var b []byte
	for _, payload := range []string{"block", "more"} {
		b = proto.AppendFrame(b, proto.Header{Fin: true, Op: proto.OpText, Masked: true}, []byte(payload))
	}
	far.Write(b)
	if s, ok := c.stream.(*plainSocket); ok {
		s.Detained()
		go func() { // a leader, which has been deposed just now
			defer close(over)
			s.Ready(poll.Readable|poll.Woken, make([]byte, 4096))
			s.Release()
		}()
	} else { // with SPOUT_ENGINE=goroutine nobody takes over from another
		c.stream.run(nil, true)
		close(over)
	}
	got := make([]byte, 7)
	if n, err := far.Read(got); err != nil || string(got[2:n]) != "block" {
		t.Errorf("got %q, %v, while the handler blocks", got[:n], err)
	}
	close(received)
	<-over
	far.Close()
	<-c.Context().Done()
}
