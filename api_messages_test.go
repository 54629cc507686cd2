package spout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// Messages gives one message after the other. It ends silently when the connection is closed with
// 1000 or without a code, by whomever, and else with an error.
func TestMessages(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *spout.Conn, p *peer)
		want spout.Code // 0: silent
	}{
		"1000":       {func(c *spout.Conn, p *peer) { p.send(unmasked(fin|opClose, closing(1000, "bye"))) }, 0},
		"no code":    {func(c *spout.Conn, p *peer) { p.send(unmasked(fin|opClose, "")) }, 0},
		"1001":       {func(c *spout.Conn, p *peer) { p.send(unmasked(fin|opClose, closing(1001, ""))) }, 1001},
		"4000":       {func(c *spout.Conn, p *peer) { p.send(unmasked(fin|opClose, closing(4000, ""))) }, 4000},
		"lost":       {func(c *spout.Conn, p *peer) { p.nc.Close() }, 1006},
		"own 1000":   {func(c *spout.Conn, p *peer) { c.Close(1000, "") }, 0},
		"own 4000":   {func(c *spout.Conn, p *peer) { c.Close(4000, "") }, 4000},
		"CloseNow":   {func(c *spout.Conn, p *peer) { c.CloseNow() }, 1006},
		"violation":  {func(c *spout.Conn, p *peer) { p.send(masked(fin|opText, "x")) }, 1002},
		"over limit": {func(c *spout.Conn, p *peer) { p.send(header(fin|opText, 11, false)) }, 1009},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, true, spout.Options{MessageLimit: 10})
				p.play(func() {
					for i := range 3 {
						p.nc.Write(unmasked(fin|opText, fmt.Sprint(i)))
					}
				})
				n := 0
				var last error
				for m, err := range c.Messages(t.Context()) {
					if last != nil {
						t.Error("it went on after an error")
					}
					if last = err; err != nil {
						continue
					}
					if m.String() != fmt.Sprint(n) {
						t.Errorf("message %d is %q", n, m)
					}
					if n++; n == 3 {
						go test.end(c, p)
					}
				}
				if n != 3 || spout.CloseCode(last) != test.want {
					t.Errorf("%d messages, then %v", n, last)
				}
				p.nc.Close()
			})
		})
	}
}

// The loop may be left and begun anew, and its context ends it with an error, which harms nothing.
func TestMessagesMayBeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, true, spout.Options{})
		p.play(func() {
			for i := range 4 {
				p.nc.Write(unmasked(fin|opText, fmt.Sprint(i)))
			}
		})
		for i := range 3 {
			for m, err := range c.Messages(t.Context()) {
				if err != nil || m.String() != fmt.Sprint(i) {
					t.Fatalf("got %q, %v", m, err)
				}
				break
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var got []string
		for m, err := range c.Messages(ctx) {
			got = append(got, fmt.Sprint(m, errors.Is(err, context.DeadlineExceeded)))
		}
		if s := fmt.Sprint(got); s != "[3 false  true]" {
			t.Errorf("got %s", s)
		}
		p.send(unmasked(fin|opText, "more"))
		wantMessage(t, c, spout.TextMessage, "more")
	})
}
