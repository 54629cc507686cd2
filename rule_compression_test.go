package spout_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
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

// What a server answers to offers (RFC 7692, 7.1).
func TestCompressionAnswers(t *testing.T) {
	for _, test := range []struct {
		d             *spout.Deflate
		offer, answer string
	}{
		{nil, "permessage-deflate", ""},
		{&spout.Deflate{}, "permessage-bzip2", ""},
		{&spout.Deflate{}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12"},
		{&spout.Deflate{}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"},
		{&spout.Deflate{}, "permessage-deflate", "permessage-deflate; client_no_context_takeover"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate", "permessage-deflate"},
		{&spout.Deflate{SendWindow: -1, ReceiveWindow: -1}, "permessage-deflate",
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=\"9\"",
			"permessage-deflate; server_no_context_takeover; server_max_window_bits=9"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; server_max_window_bits=7, permessage-deflate; x, " +
			"permessage-deflate; client_no_context_takeover; client_no_context_takeover, =, permessage-deflate; server_max_window_bits=8",
			"permessage-deflate; server_max_window_bits=8"},
	} {
		t.Run(test.offer, func(t *testing.T) {
			_, p := offer(t, spout.Options{Compression: test.d}, test.offer)
			if p.answer != test.answer {
				t.Errorf("%+v answers %q, want %q", test.d, p.answer, test.answer)
			}
		})
	}
}

// What a client takes for an answer. Without Options.Compression it offers nothing and takes none.
func TestCompressionAccepted(t *testing.T) {
	const a, b = "permessage-deflate; server_max_window_bits=12; client_max_window_bits",
		"permessage-deflate; server_no_context_takeover; client_max_window_bits"
	for _, test := range []struct {
		d             *spout.Deflate
		offer, answer string
		ok            bool
	}{
		{nil, "", "", true},
		{nil, "", "permessage-deflate", false},
		{&spout.Deflate{}, a + ", " + b, "", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=13", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; client_max_window_bits", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; server_max_window_bits=12", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; unknown", false},
		{&spout.Deflate{}, a + ", " + b, a + ", " + b, false},
		{&spout.Deflate{}, a + ", " + b, "permessage-bzip2", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; ", false},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; client_max_window_bits", "permessage-deflate", true},
		{&spout.Deflate{SendWindow: -1, ReceiveWindow: -1}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
			"permessage-deflate; server_no_context_takeover", true},
	} {
		t.Run(test.answer, func(t *testing.T) {
			p, dialled := dialPeer(t, &spout.Dialer{Options: spout.Options{Compression: test.d}}, "ws://spout.test/")
			var lines []string
			if test.answer != "" {
				lines = []string{"Sec-WebSocket-Extensions: " + test.answer}
			}
			r := p.accept(lines...)
			if got := r.Header.Get("Sec-Websocket-Extensions"); got != test.offer {
				t.Errorf("offers %q, want %q", got, test.offer)
			}
			c, err := dialled()
			if _, refused := errors.AsType[*spout.HandshakeError](err); test.ok != (err == nil) || !test.ok && !refused {
				t.Errorf("answer %q: %v", test.answer, err)
			}
			if err == nil {
				c.CloseNow()
			}
		})
	}
}

// Options that can't be honoured are misuse, for both sides.
func TestCompressionOptions(t *testing.T) {
	for _, d := range []spout.Deflate{{Level: 10}, {Level: -1}, {SendWindow: 1 << 20}, {ReceiveWindow: 3000}, {ReceiveWindow: 128}, {ReceiveWindow: 1 << 16}} {
		_, err := (&spout.Dialer{Options: spout.Options{Compression: &d}}).Dial(t.Context(), "ws://spout.test/")
		if e, ok := errors.AsType[*spout.UsageError](err); !ok || !strings.Contains(e.Error(), "Deflate.") {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

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

// Small messages and what does not become smaller are sent as they are, and are nothing to refer to.
func TestCompressionNotWorth(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		random := noise(2000)
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

// A stream compresses as it goes, and inflates as it goes.
func TestCompressionStreams(t *testing.T) {
	text := strings.Repeat(sentence(1)+"ä", 500)
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		for range 2 {
			result := make(chan error, 1)
			go func() { result <- c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader(text)) }()
			sizes := p.wantDeflated(text)
			if err := <-result; err != nil || sizes[0] > len(text)/4 {
				t.Fatalf("%d bytes became %d: %v", len(text), sizes[0], err)
			}
			go p.nc.Write(p.deflated(text))
			typ, r, err := c.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(iotest.OneByteReader(r))
			if err != nil || typ != spout.TextMessage || string(got) != text {
				t.Fatalf("%v of %d bytes: %v", typ, len(got), err)
			}
		}
	})
}

// Messages sent while a stream is under way go behind it, and none of them refers to what the peer
// does not have yet.
func TestCompressionBesideStream(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		w, result := streaming(t, t.Context(), c, spout.TextMessage)
		io.WriteString(w, sentence(1))
		io.WriteString(w, sentence(2))
		c.Send(spout.Text(sentence(3)))
		go c.Write(t.Context(), spout.Text(sentence(4)))
		synctest.Wait()
		io.WriteString(w, sentence(5))
		w.Close()
		p.wantDeflated(sentence(1) + sentence(2) + sentence(5))
		for _, want := range []string{sentence(3), sentence(4)} {
			if b0, _, got := p.message(); b0 != opText || got != want {
				t.Fatalf("got %02x %.60q", b0, got)
			}
		}
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		c.Send(spout.Text(sentence(5)))
		p.wantDeflated(sentence(5))
	})
}

// The next read discards what a stream has left, and what follows may refer to it all the same.
func TestCompressionStreamGivenUp(t *testing.T) {
	next := map[string]func(t *testing.T, c *spout.Conn) string{
		"Read": func(t *testing.T, c *spout.Conn) string {
			m, err := c.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return m.String()
		},
		"Reader": func(t *testing.T, c *spout.Conn) string {
			_, r, err := c.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		},
		"Serve": func(t *testing.T, c *spout.Conn) string {
			got := make(chan string, 1)
			serve(t, c, spout.HandlerFunc(func(_ *spout.Conn, m spout.Message) error { got <- m.String(); return nil }))
			return <-got
		},
	}
	long := scrambled(150_000) // more than the inbox takes at a time
	for name, read := range next {
		t.Run(name, func(t *testing.T) {
			eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
				// The second refers to the first, the third to both.
				go p.nc.Write(p.deflated(long+sentence(1), sentence(1)+sentence(2), sentence(2)+sentence(1)))
				_, r, err := c.Reader(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				if got := read(t, c); got != sentence(1)+sentence(2) {
					t.Errorf("got %.60q", got)
				}
				if _, err := r.Read(make([]byte, 1)); err == nil {
					t.Error("the stream that was given up goes on")
				}
			})
		})
	}
}

// A context that ends in the middle of a compressed stream harms nothing.
func TestCompressionStreamContext(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		payload := p.deflate(scrambled(3000) + sentence(1))
		p.send(p.side.frame(rsv1|opBinary, payload[:1000]))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, r, err := c.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if !errors.Is(err, context.DeadlineExceeded) || n == 0 || n > 2000 {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		// So it is with the discarding of the rest.
		for range 2 {
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := c.Read(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		p.send(p.side.frame(opContinuation, payload[1000:2000]), p.side.frame(fin|opContinuation, payload[2000:]))
		p.sendDeflated(sentence(1))
		if m, err := c.Read(t.Context()); err != nil || m.String() != sentence(1) {
			t.Errorf("got %.60q and %v", m, err)
		}
	})
}

// A stream that nobody reads to its end leaves nothing behind when the connection ends: the leak
// check of the tests sees what inflates it.
func TestCompressionStreamAbandoned(t *testing.T) {
	for name, end := range map[string]func(c *spout.Conn, p *deflatePeer){
		"CloseNow": func(c *spout.Conn, p *deflatePeer) { c.CloseNow() },
		"Close":    func(c *spout.Conn, p *deflatePeer) { p.listen(); c.Close(spout.CloseNormal, "") },
		"cut":      func(c *spout.Conn, p *deflatePeer) { p.nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
				payload := p.deflate(noise(3000))
				p.send(p.side.frame(rsv1|opBinary, payload[:1000]))
				_, r, err := c.Reader(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(r, make([]byte, 500)); err != nil {
					t.Fatal(err)
				}
				reading := make(chan error, 1)
				go func() {
					_, err := io.Copy(io.Discard, r)
					reading <- err
				}()
				synctest.Wait()
				end(c, p)
				if err := <-reading; spout.CloseCode(err) == 0 {
					t.Errorf("the stream ends with %v", err)
				}
			})
		})
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
