package spout

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
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
	conn := newConn(c, (&Options{WriteTimeout: time.Minute}).config(true))
	if n, err := conn.stream.(*netStream).write([]byte("hello")); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if c.during.IsZero() || !c.deadline.IsZero() {
		t.Errorf("deadline %v in the write, %v after it", c.during, c.deadline)
	}
}

// brittleConn is a net.Conn that a read deadline would break.
type brittleConn struct {
	net.Conn
	deadlines int
}

func (c *brittleConn) SetReadDeadline(t time.Time) error {
	c.deadlines++
	return c.Conn.SetReadDeadline(t)
}

// Only a socket is read with a deadline while the connection is open: another net.Conn may not
// survive one, and has no stack to save.
func TestNoReadDeadlineOnAnOpenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		b := &brittleConn{Conn: near}
		c := NewConn(b, false, nil)
		peer := NewConn(far, true, nil)
		if err := peer.Send(Text("hello")); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Read(t.Context()); err != nil || m.String() != "hello" {
			t.Fatal(m, err)
		}
		time.Sleep(10 * time.Minute)
		if b.deadlines != 0 {
			t.Errorf("%d read deadlines in ten minutes of pings", b.deadlines)
		}
		c.CloseNow()
		peer.CloseNow()
	})
}

// A connection that ends without a close frame says whether a message was cut with it.
func TestEndOfStreamSaysWhatItCut(t *testing.T) {
	for _, test := range []struct {
		sent string
		want error
	}{
		{"", errNoCloseFrame},
		{"\x81\x02hi", errNoCloseFrame},
		{"\x81\x02h", errCutMessage},
		{"\x01\x02hi", errCutMessage},
		{"\x81", errCutMessage},
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			c := NewConn(near, true, nil)
			go func() {
				far.Write([]byte(test.sent))
				far.Close()
			}()
			ended := c.Context()
			var err error
			for err == nil {
				_, err = c.Read(t.Context())
			}
			<-ended.Done()
			if e, ok := errors.AsType[*CloseError](err); !ok || e.Code != CloseAbnormal || e.Err != test.want {
				t.Errorf("after %q: %v, want %v", test.sent, err, test.want)
			}
		})
	}
}
