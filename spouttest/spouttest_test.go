package spouttest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

func echo(c *spout.Conn, m spout.Message) error { return c.Send(m) }

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		c := spouttest.Dial(t, srv.HandlerFunc(echo), "/echo?x=1")
		if err := c.Send(spout.Text("hello")); err != nil {
			t.Fatal(err)
		}
		m, err := c.Read(t.Context())
		if err != nil || m.Type != spout.TextMessage || m.String() != "hello" {
			t.Fatalf("got %v %q, %v", m.Type, m, err)
		}
	})
}

// Time passes only when everything waits, so a silent minute costs nothing and is exact.
func TestTimeIsFake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		c := spouttest.Dial(t, srv.HandlerFunc(echo), "/")
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.Read(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestDialerSeesTheRequest(t *testing.T) {
	var srv spout.Server
	srv.Subprotocols = []string{"chat"}
	h := srv.Handler(func(r *http.Request) (spout.Handler, error) {
		if r.Header.Get("Authorization") == "" {
			return nil, &spout.HandshakeError{Status: http.StatusUnauthorized, Reason: "who are you?"}
		}
		return spout.HandlerFunc(echo), nil
	})
	d := spouttest.Dialer(t, h)
	d.Subprotocols = []string{"chat"}
	_, err := d.Dial(t.Context(), spouttest.URL("/"))
	refusal, ok := errors.AsType[*spout.HandshakeError](err)
	if !ok || refusal.Status != http.StatusUnauthorized || string(refusal.Body) != "who are you?\n" {
		t.Fatalf("got %v", err)
	}
	d.Header = http.Header{"Authorization": {"Bearer x"}}
	c, err := d.Dial(t.Context(), spouttest.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != "chat" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
}

// A connection whose messages nobody reads ends with the test, too.
func TestUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		c := spouttest.Dial(t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			for range 100 {
				if err := c.Send(m); err != nil {
					return err
				}
			}
			return nil
		}), "/")
		if err := c.Send(spout.Text("hello")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	}) // which would not return
}
