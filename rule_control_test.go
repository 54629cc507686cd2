package spout_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
)

// Pings and pongs go out before data that was queued earlier, behind the frame under way; Close goes
// out last.
func TestControlFramesOvertakeData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		c.Send(text(200, "under way"))
		synctest.Wait()
		c.Send(text(200, "one"))
		c.Send(text(200, "two"))
		if err := c.Ping([]byte("ours")); err != nil {
			t.Fatal(err)
		}
		p.send(masked(fin|opPing, "theirs"))
		synctest.Wait()
		c.Close(spout.CloseNormal, "last")
		if err := c.Ping(nil); spout.CloseCode(err) != 1000 {
			t.Errorf("Ping after Close: %v", err)
		}
		p.wantTexts("under way")
		p.want(fin|opPing, "ours")
		p.want(fin|opPong, "theirs")
		p.wantTexts("one", "two")
		if f := p.wantClose(1000); string(f.payload[2:]) != "last" {
			t.Errorf("got %v", f)
		}
	})
}

// Control frames come between the frames of a message that is streamed.
func TestControlFramesOvertakeStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		r, w := io.Pipe()
		result := make(chan error, 1)
		go func() { result <- c.WriteFrom(t.Context(), spout.TextMessage, r) }()
		io.WriteString(w, "begin")
		p.want(opText, "begin")
		c.Ping([]byte("ours"))
		p.want(fin|opPing, "ours")
		p.send(masked(fin|opPing, "theirs"))
		p.want(fin|opPong, "theirs")
		io.WriteString(w, "end")
		p.want(opContinuation, "end")
		w.Close()
		p.want(fin|opContinuation, "")
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// A peer that pings and does not read gets the pongs of 16 pings, and then that of the newest.
func TestPongsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		c.Send(text(200, "under way"))
		synctest.Wait()
		longest := strings.Repeat("p", 122)
		for i := range 1000 {
			p.send(masked(fin|opPing, fmt.Sprintf("%03d%s", i, longest)))
		}
		synctest.Wait()
		if got := c.Buffered(); got != 200 {
			t.Errorf("%d bytes buffered, want the message only", got)
		}
		p.wantTexts("under way")
		for i := range 16 {
			p.want(fin|opPong, fmt.Sprintf("%03d%s", i, longest))
		}
		p.want(fin|opPong, "999"+longest)
		p.send(masked(fin|opPing, "x"))
		p.want(fin|opPong, "x")
	})
}

// Ping never waits: what the peer does not take is bounded, and then it says ErrFull.
func TestPingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		c.Send(text(200, "under way"))
		synctest.Wait()
		n := 0
		for ; n < 1000; n++ {
			if err := c.Ping(bytes.Repeat([]byte("x"), 125)); err != nil {
				if !errors.Is(err, spout.ErrFull) {
					t.Fatal(err)
				}
				break
			}
		}
		if n == 0 || n == 1000 {
			t.Fatalf("%d pings of 125 bytes were queued", n)
		}
		p.send(masked(fin|opPing, "theirs")) // is answered all the same
		p.wantTexts("under way")
		for range n {
			p.want(fin|opPing, strings.Repeat("x", 125))
		}
		p.want(fin|opPong, "theirs")
		if err := c.Ping(nil); err != nil {
			t.Errorf("when all are taken: %v", err)
		}
		p.want(fin|opPing, "")
	})
}

// A program that only writes answers pings all the same: nobody need read for that.
func TestOnlyWritingAnswersPings(t *testing.T) {
	for _, client := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, p := pair(t, client, spout.Options{})
			for i := range 10 {
				s := fmt.Sprint(i)
				if client {
					p.send(unmasked(fin|opPing, s))
				} else {
					p.send(masked(fin|opPing, s))
				}
				p.want(fin|opPong, s)
				c.Send(spout.Text(s))
				p.want(fin|opText, s)
			}
		})
	}
}

// Send and Write only read Data, and it is the caller's again when they return, though nothing has
// left yet: it may be changed, and one message may be sent by many at once.
func TestDataIsTheCallersAgain(t *testing.T) {
	for _, client := range []bool{false, true} {
		for _, size := range []int{10, 5_000, 100_000} {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, client, spout.Options{SendLimit: -1})
				c.Send(spout.Text("under way"))
				synctest.Wait()
				original := bytes.Repeat([]byte("abcdefghi\n"), size/10)
				data := bytes.Clone(original)
				prepared := spout.Binary(data).Prepare()
				for name, send := range map[string]func() error{
					"Send":      func() error { return c.Send(spout.Binary(data)) },
					"Write":     func() error { return c.Write(t.Context(), spout.Binary(data)) },
					"Prepare":   func() error { return c.Send(prepared) },
					"WriteFrom": func() error { return c.WriteFrom(t.Context(), spout.BinaryMessage, bytes.NewReader(data)) },
				} {
					if err := send(); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if !bytes.Equal(data, original) {
						t.Fatalf("%s changed its data", name)
					}
				}
				ping := []byte("ping")
				c.Ping(ping)
				clear(ping)
				clear(data)
				p.want(fin|opText, "under way")
				p.want(fin|opPing, "ping")
				for range 4 {
					if got := p.message(); !bytes.Equal(got, original) {
						t.Fatalf("the peer got %.20q of %d bytes, want %.20q of %d", got, len(got), original, len(original))
					}
				}
			})
		}
	}
}

// message reads the frames of one message.
func (p *peer) message() (data []byte) {
	p.t.Helper()
	for {
		f := p.read()
		if f.op() > opBinary || (f.op() == opContinuation) != (data != nil) {
			p.t.Fatalf("got %v in a message", f)
		}
		if data = append(data, f.payload...); f.b0&fin != 0 {
			return data
		}
		if data == nil {
			data = []byte{}
		}
	}
}
