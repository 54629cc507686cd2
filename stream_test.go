package spout

import (
	"net"
	"testing"
	"time"
)

// deadlineConn remembers its write deadline.
type deadlineConn struct {
	net.Conn
	deadline time.Time
	during   time.Time // the deadline at the last Write
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	c.during = c.deadline
	return len(p), nil
}

// A deadline that outlived its write would fail the next one, which comes when it has passed.
func TestWriteDeadlineEndsWithTheWrite(t *testing.T) {
	c := &deadlineConn{}
	s := newStream(c)
	if n, err := s.write([]byte("hello"), time.Minute, nil); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if c.during.IsZero() || !c.deadline.IsZero() {
		t.Errorf("deadline %v in the write, %v after it", c.during, c.deadline)
	}
}
