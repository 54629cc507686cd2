package spout_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

// bomb returns a compressed message that becomes size bytes of zeros.
func bomb(t testing.TB, size int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for ; size > 0; size -= len(zeros) {
		if _, err := w.Write(zeros[:min(size, len(zeros))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), flushTail)
}

// T3: a message that inflates beyond the limit is refused with 1009, however it is cut and received,
// and never held.
func TestT3Bomb(t *testing.T) {
	payload := bomb(t, 64<<20)
	var most int64
	ways := map[string]func(p *deflatePeer) []byte{
		"one frame": func(p *deflatePeer) []byte { return p.side.frame(fin|rsv1|opBinary, payload) },
		"frames of 1 KiB": func(p *deflatePeer) []byte {
			var frames []byte
			b0 := byte(rsv1 | opBinary)
			for piece := range slices.Chunk([]byte(payload), 1024) {
				frames = append(frames, p.side.frame(b0, string(piece))...)
				b0 = opContinuation
			}
			return append(frames, p.side.frame(fin|opContinuation, "")...)
		},
	}
	for name, frames := range ways {
		for how, receive := range receive {
			t.Run(name+", "+how, func(t *testing.T) {
				eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
					attack := frames(p)
					answered := make(chan wireFrame, 1)
					go func() {
						f, _ := readWireFrame(p.in)
						answered <- f
						p.nc.Close()
					}()
					_, before := allocated()
					go p.nc.Write(attack)
					got, end := receive(c)
					_, after := allocated()
					t.Logf("%d bytes that become 64 MiB: %d bytes allocated in all, by both ends", len(payload), after-before)
					if f := <-answered; len(got) > 0 || spout.CloseCode(end) != spout.CloseTooBig || f.closeCode() != 1009 {
						t.Errorf("%d messages, then %v, answered with %v", len(got), end, f)
					}
					if !strings.Contains(end.Error(), "Options.MessageLimit") {
						t.Errorf("the error names no option: %v", end)
					}
					atMost := int64(2_000_000 + 3*len(attack))
					if how == "Reader" {
						atMost += 4_000_000 // io.ReadAll's
					} else {
						most = max(most, after-before)
					}
					if after-before > atMost {
						t.Errorf("over %d bytes", atMost)
					}
				})
			})
		}
	}
	figure(t, most <= 2_000_000, "2 MB", "%d KiB that become 64 MiB: %s allocated, by both ends", len(payload)>>10, kB(most))
}

// T3: a message at the limit is taken, also where it is larger compressed.
func TestT3Limit(t *testing.T) {
	for _, data := range []string{noise(1 << 20), string(make([]byte, 1<<20))} {
		for how, receive := range receive {
			t.Run(how, func(t *testing.T) {
				eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
					frame := p.side.frame(fin|rsv1|opBinary, p.deflate(data))
					go func() {
						p.nc.Write(frame)
						p.nc.Close()
					}()
					if got, end := receive(c); len(got) != 1 || got[0] != data {
						t.Errorf("%d messages, then %v", len(got), end)
					}
				})
			})
		}
	}
}

// T12, T13: of what does not inflate, or not to UTF-8, nothing is delivered, and 1007 answers it.
func TestT13Inflated(t *testing.T) {
	attacks := map[string]func(p *deflatePeer) string{
		"reserved block type":    func(*deflatePeer) string { return "\x06" },
		"stored length":          func(*deflatePeer) string { return "\x00\x05\x00\x05\x00hello" },
		"distance into nowhere":  func(p *deflatePeer) string { p.deflate(sentence(1)); return p.deflate(sentence(1)) },
		"nothing":                func(*deflatePeer) string { return "" },
		"noise":                  func(*deflatePeer) string { return "\x05" + noise(100) },
		"bad text":               func(p *deflatePeer) string { return p.deflate("abc\xff") },
		"text cut in a letter":   func(p *deflatePeer) string { return p.deflate("abc\xc3") },
		"bad text far behind":    func(p *deflatePeer) string { return p.deflate(strings.Repeat("ä", 50_000) + "\xc3(") },
		"tail left on, and more": func(p *deflatePeer) string { return p.deflate("abc") + flushTail[:3] },
	}
	refused, tried := 0, 0
	for i := range 20 {
		attacks[fmt.Sprintf("cut by %d", i+1)] = func(p *deflatePeer) string {
			payload := p.deflate(scrambled(100))
			return payload[:len(payload)-1-i]
		}
	}
	for name, attack := range attacks {
		for how, receive := range receive {
			t.Run(name+", "+how, func(t *testing.T) {
				eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
					frames := append(p.side.frame(fin|opText, "good"), p.side.frame(fin|rsv1|opText, attack(p))...)
					answered := make(chan wireFrame, 1)
					go func() {
						f, _ := readWireFrame(p.in)
						answered <- f
						io.Copy(io.Discard, p.in)
						p.nc.Close()
					}()
					go p.nc.Write(frames)
					got, end := receive(c)
					f := <-answered
					tried++
					if fmt.Sprint(got) != "[good]" || spout.CloseCode(end) != spout.CloseInvalidText || f.closeCode() != 1007 {
						t.Errorf("got %.60q, then %v, answered with %v", got, end, f)
					} else {
						refused++
					}
				})
			})
		}
	}
	figureAll(t, refused, tried, "compressed messages that are cut, junk or no UTF-8 get 1007 and are not delivered")
}

// T21: control frames and uncompressed messages, between compressed messages and within them, leave the
// windows of context takeover as they are, in both directions.
func TestT21Between(t *testing.T) {
	const rounds = 200
	right, all := 0, 0
	for how, receive := range receive {
		t.Run(how, func(t *testing.T) {
			eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
				var frames []byte
				var want []string
				for i := range rounds {
					whole, cut, plain := sentence(i), sentence(rounds+i), "uncompressed "+sentence(i)
					frames = append(frames, p.deflated(whole)...)
					payload := p.deflate(cut)
					half := len(payload) / 2
					for _, f := range []struct {
						b0      byte
						payload string
					}{
						{fin | opPing, whole[:20]}, {rsv1 | opText, payload[:half]}, {fin | opPong, cut[:20]}, {fin | opPing, ""},
						{fin | opContinuation, payload[half:]}, {fin | opText, plain}, {fin | opPong, ""},
					} {
						frames = append(frames, p.side.frame(f.b0, f.payload)...)
					}
					want = append(want, whole, cut, plain)
				}
				p.listen()
				go func() {
					p.nc.Write(frames)
					p.nc.Close()
				}()
				got, _ := receive(c)
				if !slices.Equal(got, want) {
					t.Errorf("%d messages, not the %d that were sent", len(got), len(want))
				}
				all += len(want)
				for i := range min(len(got), len(want)) {
					if got[i] == want[i] {
						right++
					}
				}
			})
		})
	}
	t.Run("Send", func(t *testing.T) {
		eachCompressedSide(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *deflatePeer) {
			for i := range rounds {
				all += 2
				c.Send(spout.Text(sentence(i)))
				p.wantDeflated(sentence(i))
				c.Ping([]byte(sentence(i)[:20]))
				p.want(fin|opPing, sentence(i)[:20])
				p.send(p.side.frame(fin|opPing, "?"))
				p.want(fin|opPong, "?")
				c.Send(spout.Text(sentence(i)).Uncompressed())
				if b0, _, m := p.message(); b0 != opText || m != sentence(i) {
					t.Fatalf("got %02x %.60q, want uncompressed %.60q", b0, m, sentence(i))
				}
				right += 2
			}
		})
	})
	figureAll(t, right, all, "messages right, with control frames between and within them")
}
