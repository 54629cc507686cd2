package spout_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

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

// What is flushed for every byte becomes much larger, and is taken all the same: the limit is on messages as they
// are, not as they are compressed.
func TestCompressionOfSmallPieces(t *testing.T) {
	text := strings.Repeat("hello world ", 80)
	srv := &spout.Server{Options: spout.Options{Compression: &spout.Deflate{}, MessageLimit: int64(len(text))}}
	got := make(chan string, 1)
	d := spouttest.Dialer(t, srv.HandlerFunc(func(_ *spout.Conn, m spout.Message) error { got <- m.String(); return nil }))
	d.Compression = &spout.Deflate{}
	c, err := d.Dial(t.Context(), spouttest.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.WriteFrom(t.Context(), spout.TextMessage, iotest.OneByteReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-got:
		if m != text {
			t.Errorf("got %.60q", m)
		}
	case <-c.Context().Done():
		t.Error(context.Cause(c.Context()))
	}
}

// A stream that is not worth compressing is sent as it is.
func TestCompressionNotWorthForStream(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		data, result := noise(100_000), make(chan error, 1)
		go func() { result <- c.WriteFrom(t.Context(), spout.BinaryMessage, strings.NewReader(data)) }()
		if b0, _, got := p.message(); b0 != opBinary || got != data {
			t.Errorf("got %02x and %d bytes", b0, len(got))
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// Serve does not wait for the peer to complete a message of which Reader gave out the beginning.
func TestCompressionServeDuringStream(t *testing.T) {
	eachCompressedSide(t, spout.Options{PingInterval: -1}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		payload := p.deflate(noise(3000))
		p.send(p.side.frame(rsv1|opBinary, payload[:1000]))
		_, r, err := c.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		opened, message := make(chan bool, 1), make(chan string, 1)
		serve(t, c, &recorder{
			open:    func(c *spout.Conn) error { opened <- true; return nil },
			message: func(_ *spout.Conn, m spout.Message) error { message <- m.String(); return nil },
		})
		<-opened
		p.send(p.side.frame(fin|opContinuation, payload[1000:]))
		p.sendDeflated(sentence(1))
		if got := <-message; got != sentence(1) {
			t.Errorf("got %.60q", got)
		}
	})
}

// Behind what breaks a stream nothing more is read of it.
func TestCompressionStreamBroken(t *testing.T) {
	for name, text := range map[string]string{"bad text": "abc\xff" + strings.Repeat("def", 1000), "too big": strings.Repeat("a", 70_000)} {
		t.Run(name, func(t *testing.T) {
			eachCompressedSide(t, spout.Options{MessageLimit: 60_000}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
				p.sendDeflated(text)
				p.listen()
				_, r, err := c.Reader(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, r)
				n, again := r.Read(make([]byte, 10))
				if code := spout.CloseCode(err); code != spout.CloseInvalidText && code != spout.CloseTooBig || n > 0 || spout.CloseCode(again) != code {
					t.Errorf("%v, then %d bytes and %v", err, n, again)
				}
			})
		})
	}
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

// A context that has ended is heeded also while something is at hand.
func TestCompressionStreamContextFirst(t *testing.T) {
	eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
		p.sendDeflated(strings.Repeat("abc", 10_000))
		ctx, cancel := context.WithCancel(t.Context())
		_, r, err := c.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4)
		if _, err := io.ReadFull(r, buf); err != nil {
			t.Fatal(err)
		}
		cancel()
		if n, err := r.Read(buf); n > 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d bytes and %v", n, err)
		}
	})
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

// A stream that nobody has read to its end ends with the connection.
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
