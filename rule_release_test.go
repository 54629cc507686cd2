package spout_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/spoutws/spout"
)

// patterned returns a message of n bytes that is like no other.
func patterned(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	x := r.Uint64()
	for i := range p {
		p[i] = byte(x >> (i % 8 * 8))
		if i%8 == 7 {
			x = x*6364136223846793005 + 1442695040888963407
		}
	}
	return p
}

// Many connections of all kinds, on which messages of random sizes are sent, sent back, released at
// random or kept: each holds what was sent, until it is released.
func TestReleaseAtRandom(t *testing.T) {
	const conns, messages = 10, 40
	var srv spout.Server
	echo := func(r *rand.Rand, c *spout.Conn, m spout.Message) error {
		if r.IntN(8) == 0 {
			m = m.Prepare()
		}
		if r.IntN(3) > 0 {
			defer m.Release()
		}
		return c.Write(context.Background(), m)
	}
	addr := serveTCP(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c, err := srv.Accept(w, req)
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(7, uint64(len(req.URL.Path))))
		go func() {
			defer c.CloseNow()
			if len(req.URL.Path)%2 == 0 {
				c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return echo(r, c, m) }))
				return
			}
			for m, err := range c.Messages(context.Background()) {
				if err != nil || echo(r, c, m) != nil {
					return
				}
			}
		}()
	})})
	path := "/"
	var all sync.WaitGroup
	for i := range conns {
		path += "p"
		c, err := spout.Dial(t.Context(), "ws://"+addr+path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		r := rand.New(rand.NewPCG(8, uint64(i)))
		all.Go(func() {
			if err := exchangeAtRandom(t.Context(), r, c, messages); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

// exchangeAtRandom sends messages and holds what comes back against them.
func exchangeAtRandom(ctx context.Context, r *rand.Rand, c *spout.Conn, messages int) error {
	type kept struct {
		m    spout.Message
		want []byte
	}
	var keeps []kept
	for i := range messages {
		want := patterned(r, r.IntN(1<<(8+r.IntN(12))))
		var err error
		if r.IntN(3) == 0 {
			err = c.WriteFrom(ctx, spout.BinaryMessage, struct{ io.Reader }{bytes.NewReader(want)})
		} else {
			err = c.Write(ctx, spout.Binary(want))
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if r.IntN(5) == 0 {
			_, stream, err := c.Reader(ctx)
			if err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
			if r.IntN(3) == 0 {
				continue // given up
			}
			if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, want) {
				return fmt.Errorf("message %d of %d bytes, as a stream: another one of %d, %v", i, len(want), len(got), err)
			}
			continue
		}
		m, err := c.Read(ctx)
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		keeps = append(keeps, kept{m, want})
		for len(keeps) > r.IntN(6) {
			n := r.IntN(len(keeps))
			k := keeps[n]
			if !bytes.Equal(k.m.Data, k.want) {
				return fmt.Errorf("after %d messages one of %d bytes is another", i+1, len(k.want))
			}
			if r.IntN(4) > 0 {
				k.m.Release()
			}
			keeps = append(keeps[:n], keeps[n+1:]...)
		}
	}
	return nil
}
