package spout_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// sentence is text that is worth compressing, and another for each n.
func sentence(n int) string {
	return fmt.Sprintf(`{"id":%d,"user":"user-%d","text":"the quick brown fox jumps over the lazy dog, and again the quick brown fox jumps over the lazy dog, and again","tags":["a","b","c"],"at":"2026-11-22T10:%02d:00Z"}`, n, n%7, n%60)
}

func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

// scrambled is text of which nothing repeats.
func scrambled(n int) string { return base64.StdEncoding.EncodeToString([]byte(noise(n))) }

// With takeover a message refers to those before it; control frames and uncompressed messages do not
// disturb that, in either direction.
func TestCompressionTakeover(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		var sizes []int
		for i := range 100 {
			c.Send(spout.Text(sentence(i)))
			sizes = append(sizes, p.wantDeflated(sentence(i))...)
			frames := [][]byte{p.side.frame(fin|rsv1|opText, p.deflate(sentence(1000+i))),
				p.side.frame(fin|opPing, "between"), p.side.frame(fin|opText, "uncompressed "+sentence(2000+i))}
			go p.nc.Write(bytes.Join(frames, nil))
			for _, want := range []string{sentence(1000 + i), "uncompressed " + sentence(2000+i)} {
				if m, err := c.Read(t.Context()); err != nil || m.String() != want {
					t.Fatalf("got %.60q and %v, want %.60q", m, err, want)
				}
			}
			c.Send(spout.Text(sentence(3000 + i)).Uncompressed())
			if b0, _, m := p.message(); b0 != opText || m != sentence(3000+i) {
				t.Fatalf("got %02x %.60q", b0, m)
			}
		}
		if first, last := sizes[0], sizes[len(sizes)-1]; last*2 > first {
			t.Errorf("the first message has %d bytes, the last %d", first, last)
		}
	})
}

// A handler gets and answers compressed messages of any size, cut into any frames.
func TestCompressionServed(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		serve(t, c, spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
		for _, size := range []int{0, 1, 127, 128, 4096, 70_000, 1 << 20} {
			m := strings.Repeat(sentence(size), size/100+1)[:size]
			payload, b0 := p.deflate(m), byte(rsv1|opText)
			go func() {
				for rest := payload; ; {
					n := min(len(rest), 1+size/3)
					if n == len(rest) {
						b0 |= fin
					}
					p.send(p.side.frame(b0, rest[:n]))
					p.send(p.side.frame(fin|opPing, "within"))
					if rest, b0 = rest[n:], opContinuation; rest == "" {
						return
					}
				}
			}()
			if b0, n, got := p.message(); got != m || (b0&rsv1 != 0) != (size >= 128) {
				t.Fatalf("of %d bytes came %02x and %d bytes, %d on the wire", size, b0, len(got), n)
			}
			synctest.Wait()
		}
	})
}

// Small messages, and what does not become smaller and is more than the window holds, are sent as they are, and
// are nothing to refer to.
func TestCompressionNotWorth(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		random := noise(5000) // more than the window holds
		for _, m := range []string{strings.Repeat("a", 127), random, random} {
			c.Send(spout.Binary([]byte(m)))
			if b0, _, got := p.message(); b0 != opBinary || got != m {
				t.Errorf("got %02x and %d bytes", b0, len(got))
			}
		}
		c.Send(spout.Text(strings.Repeat("a", 128)))
		p.wantDeflated(strings.Repeat("a", 128))
	})
	eachCompressedSide(t, spout.Options{Compression: &spout.Deflate{MinSize: -1}}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		c.Send(spout.Text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
		p.wantDeflated("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	})
}

// Without takeover each message stands for itself, and a prepared one is the same for all: it is
// compressed once. With takeover those behind it may refer to it.
func TestCompressionPrepared(t *testing.T) {
	long := strings.Repeat(noise(3000), 3)
	for _, data := range []string{sentence(1), long} {
		m := spout.Binary([]byte(data)).Prepare()
		var first string
		for i := range 3 {
			c, p := offer(t, spout.Options{Compression: &spout.Deflate{SendWindow: -1}}, "permessage-deflate")
			c.Send(m)
			f := p.read()
			if f.b0 != fin|rsv1|opBinary || p.inflate(string(f.payload)) != data {
				t.Fatalf("got %v", f)
			}
			if i == 0 {
				first = string(f.payload)
			} else if string(f.payload) != first {
				t.Error("compressed anew")
			}
			c.Send(m.Uncompressed())
			if f := p.read(); f.b0 != fin|opBinary || string(f.payload) != data {
				t.Errorf("uncompressed it is %v", f)
			}
		}
		eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
			for range 3 {
				c.Send(m)
				c.Send(spout.Text(sentence(2)))
				if _, _, got := p.message(); got != data {
					t.Fatal("another message")
				}
				p.wantDeflated(sentence(2))
			}
		})
	}
}

// Messages that are worth nothing alone are compressed by what they share with those before them.
func TestCompressionOfWhatRepeats(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		m := scrambled(150)
		var sizes []int
		for range 10 {
			c.Send(spout.Text(m))
			sizes = append(sizes, p.wantDeflated(m)...)
		}
		if sizes[0] > len(m)+11 || sizes[9] > len(m)/4 {
			t.Errorf("%d bytes become %v", len(m), sizes)
		}
	})
}

// A prepared message costs one compression for each kind, however many it is sent to.
func TestCompressionPreparedOnce(t *testing.T) {
	m := spout.Text(strings.Repeat(sentence(3), 5000)).Prepare()
	c, p := offer(t, spout.Options{Compression: &spout.Deflate{SendWindow: -1}}, "permessage-deflate")
	p.listen()
	c.Send(m)
	allocs := testing.AllocsPerRun(20, func() {
		if err := c.Write(t.Context(), m); err != nil {
			t.Error(err)
		}
	})
	if _, size := allocated(); size < 0 || allocs > 10 {
		t.Errorf("%v allocations for a message that was compressed before", allocs)
	}
}

// Many goroutines send at once, some waiting for room, and every message arrives whole; those of one
// goroutine keep their order.
func TestCompressionManySenders(t *testing.T) {
	const senders, each = 16, 30
	eachCompressedSide(t, spout.Options{SendLimit: 4 << 10}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		prepared := spout.Text("prepared " + sentence(0)).Prepare()
		for s := range senders {
			go func() {
				for i := range each {
					var err error
					m := fmt.Sprintf("%d %d %s", s, i, sentence(s*each+i))
					switch {
					case i%10 == 3:
						err = c.Write(t.Context(), prepared)
					case i%10 == 5:
						err = c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader(m))
					default:
						err = c.Write(t.Context(), spout.Text(m))
					}
					if err != nil {
						t.Errorf("sender %d, message %d: %v", s, i, err)
					}
				}
			}()
		}
		next := make([]int, senders)
		deflated := 0
		for range senders * each {
			b0, _, m := p.message()
			if b0&rsv1 != 0 {
				deflated++
			}
			var s, i int
			if n, _ := fmt.Sscanf(m, "%d %d", &s, &i); n == 0 {
				if m != "prepared "+sentence(0) {
					t.Fatalf("got %.60q", m)
				}
				continue
			}
			if i%10 == 4 {
				next[s]++ // behind the prepared one
			}
			if m != fmt.Sprintf("%d %d %s", s, i, sentence(s*each+i)) || i != next[s] {
				t.Fatalf("got %.60q, want message %d of sender %d", m, next[s], s)
			}
			next[s]++
		}
		if deflated < senders*each*3/4 {
			t.Errorf("%d of %d were compressed", deflated, senders*each)
		}
	})
}

// A Write that gives up while it waits, or a Send that is told ErrFull, leaves the compression in
// step.
func TestCompressionGivenUpWrite(t *testing.T) {
	eachCompressedSide(t, spout.Options{SendLimit: 1 << 10}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		var sent []string
		for i := range 1000 {
			m := sentence(i) + noise(100)
			b := spout.Binary([]byte(m))
			err := c.Send(b)
			if errors.Is(err, spout.ErrFull) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				err = c.Write(ctx, b)
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, m)
		}
		done := make(chan error, 1)
		go func() { done <- c.Write(t.Context(), spout.Binary([]byte(sentence(7)))) }()
		synctest.Wait()
		for _, want := range slices.Concat(sent, []string{sentence(7)}) {
			if _, _, got := p.message(); got != want {
				t.Fatalf("got %.60q, want %.60q", got, want)
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A received message is the receiver's, whatever comes behind it.
func TestCompressionOwnData(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		p.sendDeflated(sentence(1))
		first, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kept := bytes.Clone(first.Data)
		p.sendDeflated(sentence(2), sentence(3))
		for range 2 {
			if _, err := c.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Data, kept) {
			t.Errorf("it became %q", first.Data)
		}
	})
}
