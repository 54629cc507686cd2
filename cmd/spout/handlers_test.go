package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

func TestEcho(t *testing.T) {
	const limit = 4 << 20
	s := startServer(t, config{maxMessage: limit})
	messages := []spout.Message{
		spout.Text(""), spout.Text("Grüße, 世界"), spout.Binary(nil), spout.Binary([]byte{0, 1, 255}),
		spout.Text(strings.Repeat("x", limit)), spout.Binary(bytes.Repeat([]byte{7}, limit)),
	}
	for path, prefix := range map[string]string{"/ws/echo": "", "/websocket": "You said: "} {
		t.Run(path, func(t *testing.T) {
			c := s.mustDial(t, path)
			go func() { // all at once: the answers wait for each other
				for _, m := range messages {
					if err := c.Write(context.Background(), m); err != nil {
						t.Error(err)
					}
				}
			}()
			for _, m := range messages {
				want := string(m.Data)
				if m.Type == spout.TextMessage {
					want = prefix + want
				}
				if got := read(t, c); got.Type != m.Type || string(got.Data) != want {
					t.Errorf("%v of %d bytes came back as %v of %d", m.Type, len(m.Data), got.Type, len(got.Data))
				}
			}
			if err := c.Write(context.Background(), spout.Binary(make([]byte, limit+1))); err != nil {
				t.Fatal(err)
			}
			if closed := readClose(t, c); closed.Code != spout.CloseTooBig {
				t.Errorf("closed with %v, want 1009", closed)
			}
		})
	}
}

func TestClock(t *testing.T) {
	c := startServer(t, config{}).mustDial(t, "/ws/clock")
	if err := c.Send(spout.Text("what is the time?")); err != nil { // of no interest to it
		t.Fatal(err)
	}
	var last time.Time
	for range 3 {
		m := read(t, c)
		now, err := time.Parse(time.RFC3339, m.String())
		if err != nil {
			t.Fatal(err)
		}
		if !now.After(last) {
			t.Errorf("%v after %v", now, last)
		}
		last = now
	}
}

func TestClose(t *testing.T) {
	s := startServer(t, config{})
	for _, code := range []spout.Code{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		c := s.mustDial(t, fmt.Sprintf("/ws/close/%d", code))
		if closed := readClose(t, c); closed.Code != code || !closed.Remote {
			t.Errorf("/ws/close/%d closed with %v", code, closed)
		}
	}
	for _, code := range []string{"0", "999", "1004", "1005", "1006", "1015", "1016", "2999", "5000", "65536", "66536", "-1", "+1000", "1000x", "normal"} {
		_, err := s.dial("/ws/close/"+code, "")
		refused, ok := errors.AsType[*spout.HandshakeError](err)
		if !ok || refused.Status != http.StatusBadRequest {
			t.Errorf("/ws/close/%s: %v, want a refusal with 400", code, err)
			continue
		}
		if !strings.Contains(string(refused.Body), "3000-4999") {
			t.Errorf("/ws/close/%s: body %q does not say what would do", code, refused.Body)
		}
	}
}
