package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/e2e/peers"
)

// deflaters are the libraries, and what can be asked of each.
var deflaters = []struct {
	name    string
	start   func(t *testing.T) deflater
	servers []settings
	clients []settings
	// Tornado overlooks parameters without a value: it can't be made to do without takeover.
	valued bool
}{
	{"tornado", func(t *testing.T) deflater { return startDeflater(t, peers.Tornado, "deflate_tornado.py") },
		[]settings{{}}, []settings{{}}, true},
	{"websockets", func(t *testing.T) deflater { return startDeflater(t, peers.Websockets, "deflate_websockets.py") },
		// zlib can't compress with 8 bits, but inflate.
		everySetting(nil, 9, 9), everySetting(true, 8, 9), false},
	{"ws", func(t *testing.T) deflater { return startDeflater(t, peers.WS, "deflate_ws.mjs") },
		everySetting(nil, 8, 8), everySetting(true, 8, 8), false},
	{"gorilla", func(*testing.T) deflater { return gorillaDeflater() },
		[]settings{{}}, []settings{{}}, false},
	{"coder", func(*testing.T) deflater { return coderDeflater() },
		[]settings{{}, {ServerNoTakeover: true}}, []settings{{}, {ServerNoTakeover: true}}, false},
}

// everySetting returns the settings with and without context takeover in each direction, the
// windows as far down as said; open is client_max_window_bits where they are not limited.
func everySetting(open any, serverBits, clientBits int) (all []settings) {
	for i := range 4 {
		s := settings{ServerNoTakeover: i&1 != 0, ClientNoTakeover: i&2 != 0, ClientBits: open}
		all = append(all, s)
		s.Fragments = true
		all = append(all, s)
		for _, bits := range []int{15, 14, 13, 12, 11, 10, 9, 8} {
			s.ServerBits, s.ClientBits, s.Fragments = max(bits, serverBits), max(bits, clientBits), bits%2 == 0
			if i == 0 || bits == 8 || bits == 12 {
				all = append(all, s)
			}
		}
		s.ServerBits = 0
		all = append(all, s)
	}
	return all
}

// deflates are ours. Who compresses with zlib can't keep to 256 bytes.
var deflates = []spout.Deflate{
	{},
	{SendWindow: -1},
	{ReceiveWindow: -1},
	{SendWindow: -1, ReceiveWindow: -1, Level: 9},
	{SendWindow: 300, ReceiveWindow: 512, MinSize: -1, Level: 5},
	{SendWindow: 32 << 10, ReceiveWindow: 32 << 10, Level: 6},
}

// TestCompressionServer connects other libraries' clients to our server, with all that both can
// agree on.
func TestCompressionServer(t *testing.T) {
	t.Parallel()
	for _, l := range deflaters {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			them := l.start(t)
			for _, d := range deflates {
				accepted := make(chan *spout.Conn)
				url, taps := serveTapped(t, &spout.Server{Options: spout.Options{Compression: &d}}, accepted)
				for i, s := range l.clients {
					if l.valued && d.ReceiveWindow < 0 || s.limited() && oneWay(d) {
						continue
					}
					name := fmt.Sprintf("%+v %v", d, s)
					them.dial(t, url, s)
					tap := within(t, name, taps)
					c := within(t, name, accepted)
					deflateTalk(t, name, c, tap, them, sizeFor(i, d), "server", "client")
				}
			}
		})
	}
}

// TestCompressionClient connects our client to other libraries' servers.
func TestCompressionClient(t *testing.T) {
	t.Parallel()
	for _, l := range deflaters {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			them := l.start(t)
			for i, s := range l.servers {
				url := them.listen(t, s)
				for _, d := range deflates {
					if l.valued && d.ReceiveWindow < 0 || s.limited() && oneWay(d) {
						continue
					}
					name := fmt.Sprintf("%+v %v", d, s)
					dialer, taps := tappedDialer(t, &d)
					c, err := dialer.Dial(t.Context(), url)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					tap := within(t, name, taps)
					deflateTalk(t, name, c, tap, them, sizeFor(i, d), "client", "server")
				}
			}
		})
	}
}

// oneWay reports whether d does without context takeover in a direction: then windows matter less.
func oneWay(d spout.Deflate) bool { return d.SendWindow < 0 || d.ReceiveWindow < 0 }

// sizeFor returns the size of the largest messages: more than the windows, and up to the limit
// where the first settings meet the defaults.
func sizeFor(i int, d spout.Deflate) int {
	switch {
	case i == 0 && d == (spout.Deflate{}):
		return 1 << 20
	case d.SendWindow == 32<<10:
		return 40 << 10
	}
	return 10 << 10
}

// deflateTalk uses and closes a connection to an end that echoes, on which compression must have
// been agreed; us and peer are client and server, or the other way round.
func deflateTalk(t *testing.T, name string, c *spout.Conn, tap *tap, them deflater, size int, us, peer string) {
	t.Helper()
	defer c.CloseNow()
	offer, answer := tap.extensions(t)
	if !strings.HasPrefix(answer, "permessage-deflate") {
		t.Fatalf("%s: no compression was agreed, but %q", name, answer)
	}
	if err := talk(t.Context(), c, size); err != nil {
		t.Fatalf("%s\nagreed on %s\n%v", name, answer, err)
	}

	// A text that compresses well only by reference to the one before.
	const n, length = 12, 200
	sent, received, err := repeat(t.Context(), c, tap, n, length)
	if err != nil {
		t.Fatalf("%s\nagreed on %s\n%v", name, answer, err)
	}
	for _, direction := range []struct {
		name  string
		bytes int64
		from  string
	}{{"sent", sent, us}, {"received", received, peer}} {
		// A client need not be told what it has offered to do (RFC 7692, 7.1.1.2).
		without := direction.from + "_no_context_takeover"
		takeover := !strings.Contains(answer, without) && !(direction.from == "client" && strings.Contains(offer, without))
		if short := direction.bytes < n*length*2/5; short != takeover {
			t.Errorf("%s\nagreed on %s\n%d texts of %d bytes: %s as %d bytes, context takeover: %t",
				name, answer, n, length, direction.name, direction.bytes, takeover)
		}
	}
	if err := c.Close(spout.CloseNormal, ""); err != nil {
		t.Fatalf("%s: Close: %v", name, err)
	}
	if m, err := c.Read(t.Context()); spout.CloseCode(err) != spout.CloseNormal {
		t.Fatalf("%s: Read after Close = %v, %v", name, m, err)
	}
	if code := them.ended(t); code != int(spout.CloseNormal) {
		t.Fatalf("%s: the other end saw %d, want 1000", name, code)
	}
}

// utterance is a message, and a way to send it.
type utterance struct {
	name string
	m    spout.Message
	send func(context.Context, *spout.Conn) error
}

// conversation returns messages of every kind, of at most size bytes.
func conversation(size int) []utterance {
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, size)
	random.Read(noise)
	var b strings.Builder
	for r := rand.New(random); b.Len() < size; {
		fmt.Fprintf(&b, `{"id":%d,"name":"%c. Müller","emoji":"🎈","price":%d.%02d}`+"\n", r.Int32(), 'A'+r.IntN(26), r.IntN(100), r.IntN(100))
	}
	long := strings.ToValidUTF8(b.String()[:size], "")

	write := func(name string, m spout.Message) utterance {
		return utterance{name, m, func(ctx context.Context, c *spout.Conn) error { return c.Write(ctx, m) }}
	}
	stream := func(name string, m spout.Message, r func() io.Reader) utterance {
		return utterance{name, m, func(ctx context.Context, c *spout.Conn) error { return c.WriteFrom(ctx, m.Type, r()) }}
	}
	plain := spout.Text(strings.Repeat("not compressed ", 70))
	prepared := spout.Text("prepared: " + long[:2000]).Prepare()
	jsonText := spout.Text(`{"text":"Grüße, Grüße"}`)
	return []utterance{
		write("short text", spout.Text("Grüße")),
		write("empty binary", spout.Binary(nil)),
		write("128 bytes", spout.Text(strings.Repeat("abcd", 32))),
		write("1 KiB that repeats", spout.Binary(bytes.Repeat([]byte{0, 1, 2, 0xff}, 256))),
		{"behind a ping", plain, func(ctx context.Context, c *spout.Conn) error {
			return errors.Join(c.Ping([]byte("between")), c.Write(ctx, plain))
		}},
		write("uncompressed", plain.Uncompressed()),
		write("compressed again", plain),
		{"Send", plain, func(ctx context.Context, c *spout.Conn) error { return c.Send(plain) }},
		write("prepared", prepared),
		write("prepared, again", prepared),
		stream("small stream", jsonText, func() io.Reader { return iotest.OneByteReader(bytes.NewReader(jsonText.Data)) }),
		stream("empty stream", spout.Text(""), func() io.Reader { return strings.NewReader("") }),
		write("text", spout.Text(long)),
		write("noise", spout.Binary(noise)),
		stream("stream of text", spout.Text(long), func() io.Reader { return strings.NewReader(long) }),
		stream("stream of noise", spout.Binary(noise), func() io.Reader { return iotest.HalfReader(bytes.NewReader(noise)) }),
		write("text again", spout.Text(long)),
		write("the last", plain),
	}
}

// talk sends a conversation without waiting, and wants every message back.
func talk(ctx context.Context, c *spout.Conn, size int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	said := conversation(size)
	written := make(chan error, 1)
	go func() {
		for _, u := range said {
			if err := u.send(ctx, c); err != nil {
				written <- fmt.Errorf("sending %s: %w", u.name, err)
				return
			}
		}
		written <- nil
	}()
	for i, u := range said {
		m, err := receiveBy(ctx, c, i%2 == 0)
		if err != nil {
			cancel()
			return errors.Join(fmt.Errorf("receiving %s: %w", u.name, err), <-written)
		}
		if m.Type != u.m.Type || !bytes.Equal(m.Data, u.m.Data) {
			cancel()
			<-written
			return fmt.Errorf("%s: %d bytes came back of type %v, other than the %d that were sent", u.name, len(m.Data), m.Type, len(u.m.Data))
		}
	}
	return <-written
}

// receiveBy reads a message as a whole or as a stream.
func receiveBy(ctx context.Context, c *spout.Conn, stream bool) (spout.Message, error) {
	if !stream {
		return c.Read(ctx)
	}
	typ, r, err := c.Reader(ctx)
	if err != nil {
		return spout.Message{}, err
	}
	data, err := io.ReadAll(r)
	return spout.Message{Type: typ, Data: data}, err
}

// repeat has the same text echoed again and again, and returns how many bytes n of them took.
func repeat(ctx context.Context, c *spout.Conn, tap *tap, n, length int) (sent, received int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	noise := make([]byte, length)
	rand.NewChaCha8([32]byte{2}).Read(noise)
	m := spout.Text(strings.Repeat(base64.StdEncoding.EncodeToString(noise)[:length/2], 2))
	var read, wrote int64
	for i := range n + 1 {
		if i == 1 {
			read, wrote = tap.counts()
		}
		if err := c.Write(ctx, m); err != nil {
			return 0, 0, fmt.Errorf("repeating, %d: %w", i, err)
		}
		if got, err := c.Read(ctx); err != nil || got.String() != m.String() {
			return 0, 0, fmt.Errorf("repeating, %d: %q, %w", i, got, err)
		}
	}
	r, w := tap.counts()
	return w - wrote, r - read, nil
}

// serveTapped starts a server; every connection is announced, twice.
func serveTapped(t *testing.T, srv *spout.Server, accepted chan<- *spout.Conn) (url string, taps <-chan *tap) {
	t.Helper()
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Accept(w, r)
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		accepted <- c
	}))
	l := &tapListener{ts.Listener, make(chan *tap, 1)}
	ts.Listener = l
	ts.Start()
	t.Cleanup(ts.Close)
	return "ws" + strings.TrimPrefix(ts.URL, "http"), l.taps
}
