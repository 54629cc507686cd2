package wire

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/bench/payload"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestWrongEcho holds that a client notices a server that answers something else.
func TestWrongEcho(t *testing.T) {
	srv := spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	web := httptest.NewServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		m.Data[len(m.Data)-1]++
		return c.Send(m)
	}))
	defer web.Close()
	for _, m := range []Mode{Off, Both} {
		c, err := Dial(web.Listener.Addr().String(), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		x, err := NewTraffic(c.Terms, 512, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Echo(x.Frames[0], x.Messages[0], NewInflater()); err == nil {
			t.Errorf("%s: a message that differs passes for an echo", m.Name)
		}
	}
}

// TestTrafficGoesOn holds that after the last frame the first may come, with what the server remembers.
func TestTrafficGoesOn(t *testing.T) {
	srv := spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	web := httptest.NewServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	defer web.Close()
	c, err := Dial(web.Listener.Addr().String(), Both, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	x, err := NewTraffic(c.Terms, 512, 20)
	if err != nil {
		t.Fatal(err)
	}
	inf := NewInflater()
	for i := range 3 * len(x.Frames) {
		n := i % len(x.Frames)
		if err := c.Echo(x.Frames[n], x.Messages[n], inf); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

func TestDialMany(t *testing.T) {
	var srv spout.Server
	web := httptest.NewServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	defer web.Close()
	clients, err := DialMany(web.Listener.Addr().String(), Off, nil, 40)
	defer CloseAll(clients)
	if err != nil || len(clients) != 40 {
		t.Errorf("%d of 40 connections: %v", len(clients), err)
	}
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	if clients, err := DialMany(refuses.Listener.Addr().String(), Off, nil, 40); err == nil || len(clients) != 0 {
		t.Errorf("%d connections to a server that refuses them: %v", len(clients), err)
	}
}

func TestAgreed(t *testing.T) {
	const p = "permessage-deflate"
	for _, x := range []struct {
		mode   Mode
		answer string
		ok     bool
		bits   int
	}{
		{Off, "", true, 0},
		{Off, p, false, 0},
		{Both, "", false, 0},
		{Both, p, true, 15},
		{Both, p + "; client_max_window_bits=12", true, 12},
		{Both, p + "; client_no_context_takeover", false, 0},
		{OneWay, p + "; client_no_context_takeover", true, 15},
		{Without, p + "; server_no_context_takeover; client_no_context_takeover", true, 15},
		{Without, p + "; server_no_context_takeover", false, 0},
		{Both, p + "; client_max_window_bits=x", false, 0},
	} {
		got, err := x.mode.agreed(x.answer)
		if (err == nil) != x.ok || x.ok && got.ReceiveBits != x.bits {
			t.Errorf("%s, answer %q: %+v, %v", x.mode.Name, x.answer, got, err)
		}
	}
}

// TestScanner holds that messages are counted however their bytes are cut.
func TestScanner(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 1000, 65535, 65536} {
		m := payload.Noise.Series(size, 1)[0]
		unmasked := appendUnmasked(nil, final|opBin, m)
		ping := appendUnmasked(nil, final|0x09, []byte("ping"))
		half := append(appendUnmasked(nil, opBin, m[:size/2]), ping...)
		stream := bytes.Join([][]byte{Frame(false, m), unmasked, ping, half, appendUnmasked(nil, final, m[size/2:]), Fragments(m)}, nil)
		for _, step := range []int{1, 2, 3, 7, 1000, len(stream)} {
			s := Scanner{Size: uint64(size)}
			messages := 0
			for rest := stream; len(rest) > 0; {
				n, err := s.Scan(rest[:min(step, len(rest))])
				if err != nil {
					t.Fatalf("%d bytes, %d at a time: %v", size, step, err)
				}
				messages += n
				rest = rest[min(step, len(rest)):]
			}
			if messages != 4 {
				t.Errorf("%d bytes, %d at a time: %d messages, want 4", size, step, messages)
			}
		}
	}
	if _, err := (&Scanner{Size: 5}).Scan(Frame(true, []byte("four"))); err == nil {
		t.Error("a message of another size passes")
	}
	if _, err := new(Scanner).Scan(appendUnmasked(nil, final|0x08, nil)); err == nil {
		t.Error("a close frame passes")
	}
}

// appendUnmasked appends a frame as a server sends it.
func appendUnmasked(dst []byte, first byte, payload []byte) []byte {
	f := frame(first, nil)[:1]
	head := frame(first, payload)
	size := headerSize(head)
	f = append(f, head[1]&^masked)
	f = append(f, head[2:size-4]...)
	return append(append(dst, f...), payload...)
}

// TestFragments holds that a message in two frames is read as one, masked or not.
func TestFragments(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	m := payload.Noise.Series(300, 1)[0]
	go there.Write(append(Fragments(m), Frame(true, m)...))
	c := newClient(here)
	for range 2 {
		if err := c.Expect(m, NewInflater()); err != nil {
			t.Error(err)
		}
	}
}

// TestAccept is the example of RFC 6455, section 1.3.
func TestAccept(t *testing.T) {
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %q", got)
	}
}
