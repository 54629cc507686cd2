package spout_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/bits"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
)

// side is an end of a connection under test, and how its peer writes frames.
type side struct {
	name   string
	client bool
	frame  func(b0 byte, payload string) []byte // as the peer sends it
	wrong  func(b0 byte, payload string) []byte // as it may not
}

var sides = []side{
	{"server", false, masked, unmasked},
	{"client", true, unmasked, masked},
}

// eachSide runs a test under synctest for either side.
func eachSide(t *testing.T, test func(t *testing.T, s side)) {
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, s) })
		})
	}
}

// receive returns the messages that arrive until the connection ends, taken in one of three ways,
// and how it ended.
var receive = map[string]func(c *spout.Conn) (messages []string, end error){
	"Serve": func(c *spout.Conn) (messages []string, end error) {
		err := c.Serve(spout.HandlerFunc(func(_ *spout.Conn, m spout.Message) error {
			messages = append(messages, m.String())
			return nil
		}))
		return messages, err
	},
	"Read": func(c *spout.Conn) (messages []string, end error) {
		for {
			m, err := c.Read(context.Background())
			if err != nil {
				return messages, await(c)
			}
			messages = append(messages, m.String())
		}
	},
	"Reader": func(c *spout.Conn) (messages []string, end error) {
		for {
			_, r, err := c.Reader(context.Background())
			if err != nil {
				return messages, await(c)
			}
			m, err := io.ReadAll(r)
			if err != nil {
				return messages, await(c)
			}
			messages = append(messages, string(m))
		}
	},
}

// T12: of a stream that ends early, only the messages that were complete are delivered.
func TestT12CutStream(t *testing.T) {
	long := strings.Repeat("m", 130)
	cuts, delivered := 0, 0
	for name, receive := range receive {
		t.Run(name, func(t *testing.T) {
			eachSide(t, func(t *testing.T, s side) {
				first := bytes.Join([][]byte{s.frame(opText, "Hel"), s.frame(fin|opPing, "?"), s.frame(fin|opContinuation, "lo")}, nil)
				second := bytes.Join([][]byte{s.frame(opBinary, long), s.frame(opContinuation, ""), s.frame(fin|opContinuation, long)}, nil)
				stream := append(first, second...)
				truncated := 0
				for cut := 1; cut <= len(stream); cut++ {
					c, p := pair(t, s.client, spout.Options{})
					p.listen()
					go func() {
						p.nc.Write(stream[:cut])
						p.nc.Close()
					}()
					got, end := receive(c)
					var want []string
					if cut >= len(first) {
						want = append(want, "Hello")
					}
					if cut == len(stream) {
						want = append(want, long+long)
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("of %d bytes, got %q, want %q", cut, got, want)
						truncated++
					}
					if spout.CloseCode(end) != spout.CloseAbnormal {
						t.Errorf("of %d bytes, ended with %v", cut, end)
					}
				}
				t.Logf("%d streams of %d bytes cut short, %d delivered something incomplete", len(stream), len(stream), truncated)
				cuts += len(stream)
				delivered += truncated
			})
		})
	}
	figure(t, delivered == 0, "0", "%d delivered of %d messages that were cut", delivered, cuts)
}

// T12: the same on a socket, whether its peer closes or resets it.
func TestT12CutSocket(t *testing.T) {
	message := strings.Repeat("m", 1000)
	frame := masked(fin|opText, message)
	for _, reset := range []bool{false, true} {
		t.Run(fmt.Sprintf("reset %v", reset), func(t *testing.T) {
			h := &recorder{}
			srv := &spout.Server{Options: spout.Options{Logger: silent}}
			addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })})
			for cut := 1; cut < len(frame); cut += 37 {
				p := dialTCP(t, addr).upgrade("/")
				p.send(frame[:cut])
				if reset {
					p.nc.(*net.TCPConn).SetLinger(0)
				}
				p.nc.Close()
			}
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, event := range h.log {
				if strings.HasPrefix(event, "text") {
					t.Errorf("a cut message was delivered: %s", event)
				}
			}
			t.Logf("%d connections cut in mid-message, %d events, no message", len(h.ends), len(h.log))
		})
	}
}

// notUTF8 are texts that become impossible at the byte of the given index; at their end if that is
// beyond it.
var notUTF8 = []struct {
	name, text string
	at         int
}{
	{"continuation alone", "\x80", 0},
	{"last continuation alone", "\xbf", 0},
	{"overlong slash", "\xc0\xaf", 0},
	{"overlong in two", "\xc1\xbf", 0},
	{"overlong in three", "\xe0\x9f\xbf", 1},
	{"surrogate, first", "\xed\xa0\x80", 1},
	{"surrogate, last", "\xed\xbf\xbf", 1},
	{"overlong in four", "\xf0\x8f\xbf\xbf", 1},
	{"above U+10FFFF", "\xf4\x90\x80\x80", 1},
	{"five bytes", "\xf8\x88\x80\x80\x80", 0},
	{"f5", "\xf5\x80\x80\x80", 0},
	{"fe", "\xfe", 0},
	{"ff", "\xff", 0},
	{"two of two, then a letter", "\xc3a", 1},
	{"two of three, then a letter", "\xe2\x82a", 2},
	{"three of four, then a letter", "\xf0\x9f\x98a", 3},
	{"one of three, then a start", "\xe2\xc3\xa4", 1},
	{"one of two at the end", "\xc3", 1},
	{"two of three at the end", "\xe2\x82", 2},
	{"three of four at the end", "\xf0\x9f\x98", 3},
}

// T13: text that is not UTF-8 is refused with 1007 as soon as the byte is in that makes it so,
// wherever the stream is cut and the message fragmented.
func TestT13BadText(t *testing.T) {
	const before, after = "κό€😀", "tail"
	refused, all := 0, 0
	for _, c := range notUTF8 {
		t.Run(c.name, func(t *testing.T) {
			eachSide(t, func(t *testing.T, s side) {
				// What is sent ends with the bad byte; what is announced goes on, unless the
				// end is what is bad.
				text, announced := before+c.text, uint64(len(before+c.text+after))
				if c.at < len(c.text) {
					text = text[:len(before)+c.at+1]
				} else {
					announced = uint64(len(text))
				}
				tried := 0
				try := func(pieces ...[]byte) {
					all++
					_, p := pair(t, s.client, spout.Options{})
					for _, piece := range pieces {
						p.send(piece)
					}
					p.wantClose(1007)
					p.nc.Close()
					tried++
				}
				stream := announce(s, fin|opText, text, announced)
				for cut := 1; cut < len(stream); cut++ {
					try(stream[:cut], stream[cut:])
				}
				try(bytes.SplitAfter(stream, nil)...)
				for split := range len(text) {
					rest := announce(s, fin|opContinuation, text[split:], announced-uint64(split))
					try(s.frame(opText, text[:split]), rest)
				}
				t.Logf("%d ways to cut it end with 1007", tried)
				refused += tried
			})
		})
	}
	figureAll(t, refused, all, fmt.Sprintf("ways to cut %d texts get 1007 at the bad byte", len(notUTF8)))
}

// announce returns a frame whose header announces a length and which has a start of its payload.
func announce(s side, b0 byte, start string, length uint64) []byte {
	whole := s.frame(b0, start+strings.Repeat("?", int(length)-len(start)))
	return whole[:len(whole)-int(length)+len(start)]
}

// T13: good text is taken, wherever it is cut.
func TestT13GoodText(t *testing.T) {
	const text = "κόσμε ä € 😀 \u0000\ufeff\uffff\U0010ffff"
	eachSide(t, func(t *testing.T, s side) {
		c, p := pair(t, s.client, spout.Options{})
		p.listen()
		for split := range len(text) {
			frames := append(s.frame(opText, text[:split]), s.frame(fin|opContinuation, text[split:])...)
			for _, cut := range []int{1, len(frames) / 2, len(frames) - 1} {
				go func() {
					p.nc.Write(frames[:cut])
					p.nc.Write(frames[cut:])
				}()
				wantMessage(t, c, spout.TextMessage, text)
			}
		}
	})
}

// T13: the reason of a close frame is text too.
func TestT13BadReason(t *testing.T) {
	for _, c := range notUTF8 {
		t.Run(c.name, func(t *testing.T) {
			eachSide(t, func(t *testing.T, s side) {
				frame := s.frame(fin|opClose, closing(1000, "κό"+c.text))
				for cut := 1; cut < len(frame); cut++ {
					_, p := pair(t, s.client, spout.Options{})
					p.send(frame[:cut])
					p.send(frame[cut:])
					p.wantClose(1007)
					p.nc.Close()
				}
			})
		})
	}
}

// T14: frames that RFC 6455 does not allow are refused with 1002, whole or byte by byte.
func TestT14Frames(t *testing.T) {
	// Each returns what the peer sends.
	cases := []struct {
		name string
		send func(s side) []byte
	}{
		{"masked the wrong way", func(s side) []byte { return s.wrong(fin|opText, "hello") }},
		{"masked the wrong way, empty", func(s side) []byte { return s.wrong(fin|opBinary, "") }},
		{"ping masked the wrong way", func(s side) []byte { return s.wrong(fin|opPing, "") }},
		{"close masked the wrong way", func(s side) []byte { return s.wrong(fin|opClose, closing(1000, "")) }},
		{"second fragment masked the wrong way", func(s side) []byte {
			return append(s.frame(opText, "a"), s.wrong(fin|opContinuation, "b")...)
		}},
		{"continuation of nothing", func(s side) []byte { return s.frame(fin|opContinuation, "x") }},
		{"start of nothing, continued", func(s side) []byte { return s.frame(opContinuation, "x") }},
		{"message within a message", func(s side) []byte {
			return append(s.frame(opText, "a"), s.frame(fin|opText, "b")...)
		}},
		{"close frame with one byte", func(s side) []byte { return s.frame(fin|opClose, "\x03") }},
		{"ping of 126 bytes", func(s side) []byte { return s.frame(fin|opPing, strings.Repeat("p", 126)) }},
		{"pong of 126 bytes", func(s side) []byte { return s.frame(fin|opPong, strings.Repeat("p", 126)) }},
		{"close of 126 bytes", func(s side) []byte { return s.frame(fin|opClose, closing(1000, strings.Repeat("r", 124))) }},
		{"ping of 65536 bytes", func(s side) []byte { return s.frame(fin|opPing, strings.Repeat("p", 1<<16)) }},
	}
	add := func(name string, send func(s side) []byte) {
		cases = append(cases, struct {
			name string
			send func(s side) []byte
		}{name, send})
	}
	for _, op := range []byte{opText, opBinary, opClose, opPing, opPong} {
		for _, rsv := range []byte{rsv1, rsv2, rsv3, rsv1 | rsv2 | rsv3} {
			add(fmt.Sprintf("RSV %02x on opcode %x", rsv, op), func(s side) []byte { return s.frame(fin|rsv|op, "") })
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		add(fmt.Sprintf("opcode %x", op), func(s side) []byte { return s.frame(fin|op, "") })
		add(fmt.Sprintf("opcode %x with payload", op), func(s side) []byte { return s.frame(fin|op, "hello") })
	}
	for _, op := range []byte{opClose, opPing, opPong} {
		add(fmt.Sprintf("opcode %x without FIN", op), func(s side) []byte { return s.frame(op, "") })
	}
	for _, length := range []uint16{0, 1, 125} {
		add(fmt.Sprintf("length %d in 16 bits", length), func(s side) []byte { return s.long(fin|opText, 126, 0, 0, 0, 0, 0, 0, 0, byte(length)) })
		add(fmt.Sprintf("ping with length %d in 16 bits", length), func(s side) []byte { return s.long(fin|opPing, 126, 0, 0, 0, 0, 0, 0, 0, byte(length)) })
		add(fmt.Sprintf("length %d in 64 bits", length), func(s side) []byte { return s.long(fin|opText, 127, 0, 0, 0, 0, 0, 0, 0, byte(length)) })
	}
	add("length 126 in 64 bits", func(s side) []byte { return s.long(fin|opText, 127, 0, 0, 0, 0, 0, 0, 0, 126) })
	add("length 65535 in 64 bits", func(s side) []byte { return s.long(fin|opText, 127, 0, 0, 0, 0, 0, 0, 255, 255) })
	add("length with its top bit", func(s side) []byte { return s.long(fin|opText, 127, 128, 0, 0, 0, 0, 0, 0, 1) })
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535} {
		add(fmt.Sprintf("close code %d", code), func(s side) []byte { return s.frame(fin|opClose, closing(code, "")) })
	}

	refusedAll, triedAll := 0, 0
	eachSide(t, func(t *testing.T, s side) {
		refused := 0
		for _, c := range cases {
			bad := c.send(s)
			pieces := [][][]byte{{bad}}
			if len(bad) < 100 {
				pieces = append(pieces, bytes.SplitAfter(bad, nil))
			}
			for _, pieces := range pieces {
				triedAll++
				conn, p := pair(t, s.client, spout.Options{})
				h := &recorder{}
				serve(t, conn, h)
				p.send(s.frame(fin|opText, "good"))
				go func() {
					for _, piece := range pieces {
						if _, err := p.nc.Write(piece); err != nil {
							return // the header was enough
						}
					}
				}()
				f := p.read()
				if f.closeCode() != 1002 {
					t.Errorf("%s: answered with %v, want 1002", c.name, f)
				} else {
					refused++
				}
				p.nc.Close()
				if end := h.wait(t); end.Code != spout.CloseProtocol || end.Remote || end.Err == nil {
					t.Errorf("%s: OnClose got %v", c.name, end)
				}
				h.want(t, "open", "text good", "close 1002")
			}
		}
		t.Logf("%d violations refused with 1002", refused)
		refusedAll += refused
	})
	figureAll(t, refusedAll, triedAll, "violations get 1002")
}

// long returns a frame without payload whose length has a longer form than need be.
func (s side) long(b0, form byte, length ...byte) []byte {
	if form == 126 {
		length = length[6:]
	}
	mask := []byte(nil)
	if !s.client {
		form |= 0x80
		mask = maskingKey[:]
	}
	return bytes.Join([][]byte{{b0, form}, length, mask}, nil)
}

// T15: every frame of a client has a key of its own, which nothing foretells.
func TestT15Masks(t *testing.T) {
	const count = 4000
	synctest.Test(t, func(t *testing.T) {
		var keys []uint32
		seen := make(map[uint32]bool)
		ones := make([]int, 32)
		note := func(f wireFrame) {
			if !f.masked {
				t.Fatalf("%v of a client is not masked", f)
			}
			k := uint32(f.key[0])<<24 | uint32(f.key[1])<<16 | uint32(f.key[2])<<8 | uint32(f.key[3])
			keys = append(keys, k)
			seen[k] = true
			for i := range ones {
				ones[i] += int(k >> i & 1)
			}
		}
		prepared := spout.Text("prepared").Prepare()
		for range 2 {
			c, p := pair(t, true, spout.Options{})
			for range count / 2 / 5 {
				c.Send(spout.Text("hello"))
				note(p.read())
				c.Send(prepared)
				note(p.read())
				c.Ping(nil)
				note(p.read())
				p.send(unmasked(fin|opPing, "?"))
				note(p.read())
				go c.WriteFrom(t.Context(), spout.BinaryMessage, strings.NewReader(""))
				note(p.read())
			}
			c.Close(spout.CloseNormal, "")
			note(p.wantClose(1000))
		}
		// Of 4,000 keys of 32 bits, two are equal once in 500 runs, six never.
		again := len(keys) - len(seen)
		if again > 2 {
			t.Errorf("%d of %d keys came again", again, len(keys))
		}
		figure(t, again <= 2, "2", "%d of %d keys came again", again, len(keys))
		least, most := len(keys), 0
		for _, n := range ones {
			least, most = min(least, n), max(most, n)
		}
		changed := 0
		for i := range keys[1:] {
			changed += bits.OnesCount32(keys[i] ^ keys[i+1])
		}
		mean := float64(changed) / float64(len(keys)-1)
		t.Logf("%d keys, %d different; a bit is set in %d to %d of them; %.2f of 32 bits change from one to the next",
			len(keys), len(seen), least, most, mean)
		// Ten standard deviations.
		if least < len(keys)*42/100 || most > len(keys)*58/100 || mean < 15.5 || mean > 16.5 {
			t.Error("the keys are not random")
		}
	})
}

// maskVar makes TestT15Processes print the first keys of a process.
const maskVar = "SPOUT_TEST_MASKS"

// T15: two processes that start at the same time have different keys.
func TestT15Processes(t *testing.T) {
	if os.Getenv(maskVar) != "" {
		c, p := pair(t, true, spout.Options{})
		for range 8 {
			c.Send(spout.Text(""))
			fmt.Printf("key %x\n", p.read().key)
		}
		return
	}
	var output [2]bytes.Buffer
	var processes [2]*exec.Cmd
	for i := range processes {
		processes[i] = exec.Command(os.Args[0], "-test.run=^TestT15Processes$")
		processes[i].Env = append(os.Environ(), maskVar+"=1")
		processes[i].Stdout = &output[i]
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]bool)
	for i := range processes {
		if err := processes[i].Wait(); err != nil {
			t.Fatalf("%v\n%s", err, &output[i])
		}
		for line := range strings.Lines(output[i].String()) {
			if strings.HasPrefix(line, "key ") {
				seen[line] = true
			}
		}
	}
	figure(t, len(seen) >= 15, "1", "%d of 16 keys of two processes came again", 16-len(seen))
	if len(seen) < 15 {
		t.Errorf("keys came again:\n%s%s", &output[0], &output[1])
	}
}

// T15: the keys of handshakes are as random.
func TestT15HandshakeKeys(t *testing.T) {
	const count = 100
	seen := make(map[string]bool)
	synctest.Test(t, func(t *testing.T) {
		for range count {
			p, dialled := dialPeer(t, &spout.Dialer{}, "ws://spout.test/")
			seen[p.accept().Header.Get("Sec-WebSocket-Key")] = true
			if _, err := dialled(); err != nil {
				t.Fatal(err)
			}
			p.nc.Close()
		}
	})
	t.Logf("%d different keys of %d", len(seen), count)
	if len(seen) != count {
		t.Error("a key came again")
	}
}
