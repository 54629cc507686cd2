package conformance

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// run asks the server at url the cases whose id matches.
func run(t *testing.T, c Config, match string) []Result {
	t.Helper()
	k, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(match)
	cases := slices.DeleteFunc(Cases(), func(c Case) bool { return !re.MatchString(c.ID) })
	if len(cases) == 0 {
		t.Fatalf("no case matches %s", match)
	}
	results, err := k.Run(t.Context(), cases, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// Every case can be passed: a plain server that obeys the RFC passes it.
func TestReferencePassesAll(t *testing.T) {
	url := new(reference).start(t)
	for _, r := range run(t, Config{URL: url, Timeout: time.Minute}, standard()) {
		if r.Verdict != Pass {
			t.Errorf("%s %s: %s\n%s", r.Verdict, r.ID, r.Reason, r.Exchange)
		}
	}
}

// standard matches the cases that are not hostile.
func standard() string {
	var names []string
	for _, f := range Families {
		if !f.Hostile() {
			names = append(names, string(f))
		}
	}
	return "^(" + strings.Join(names, "|") + ")/"
}

func TestCasesAreComplete(t *testing.T) {
	cases := Cases()
	if len(cases) < 300 {
		t.Errorf("%d cases, want at least 300", len(cases))
	}
	id := regexp.MustCompile(`^(` + familyNames() + `)/[a-z0-9A-Z.-]+$`)
	section := regexp.MustCompile(`^(\d+(\.\d+)*|[a-z]+)$`) // advice has a class in place of one
	seen := map[string]bool{}
	titles := map[string]string{}
	for _, c := range cases {
		if seen[c.ID] {
			t.Errorf("%s occurs twice", c.ID)
		}
		seen[c.ID] = true
		if other, ok := titles[c.Title]; ok {
			t.Errorf("%s and %s have one title: %s", c.ID, other, c.Title)
		}
		titles[c.Title] = c.ID
		if !id.MatchString(c.ID) || !strings.HasPrefix(c.ID, string(c.Family)+"/") {
			t.Errorf("id %q of family %q", c.ID, c.Family)
		}
		if c.Title == "" || c.Rule.Source != advisory && !section.MatchString(c.Rule.Section) || c.Rule.Text == "" || c.script == nil {
			t.Errorf("%s lacks a title, a rule or a script", c.ID)
		}
	}
}

func familyNames() string {
	var names []string
	for _, f := range Families {
		names = append(names, string(f))
	}
	return strings.Join(names, "|")
}

// What a server does wrong decides the verdict, and the reason names it.
func TestVerdicts(t *testing.T) {
	for _, v := range []struct {
		name    string
		ref     reference
		match   string
		verdict Verdict
		reason  string
		section string // of the rule that was broken, where it is another
	}{
		{"no Close frame", reference{mute: true}, "^reserved/opcode-3$", Lenient, "without a Close frame", "7.1.7"},
		{"no answer to a Close frame", reference{mute: true}, "^close/code-1000$", Fail, "without a Close frame", "5.5.1"},
		{"masked frames", reference{change: func(b []byte) []byte { b[1] |= 0x80; return b }}, "^framing/text-0$", Fail, "masked frame", "5.1"},
		{"RSV1 set", reference{change: func(b []byte) []byte { b[0] |= rsv1; return b }}, "^framing/text-1$", Fail, "reserved bits", "5.2"},
		{"reserved opcode", reference{change: func(b []byte) []byte { b[0] = 0x83; return b }}, "^framing/text-1$", Fail, "reserved opcode", "5.2"},
		{"continuation first", reference{change: func(b []byte) []byte { b[0] = 0x80; return b }}, "^framing/text-1$", Fail, "continuation frame", "5.4"},
		{"text as binary", reference{change: func(b []byte) []byte { b[0] ^= 3; return b }}, "^framing/text-1$", Fail, "echoed as a binary message", ""},
		{"one byte changed", reference{change: func(b []byte) []byte { b[len(b)-1]++; return b }}, "^framing/text-124$", Fail, "they differ from byte 123", ""},
		{"one byte missing", reference{change: func(b []byte) []byte { b[1]--; return b[:len(b)-1] }}, "^framing/binary-124$", Fail, "they differ from byte 123", ""},
		{"long form", reference{change: func(b []byte) []byte { return append([]byte{b[0], 126, 0, b[1]}, b[2:]...) }}, "^framing/text-1$", Fail, "the length 1 in 16 bits", "5.2"},
		{"fragmented pong", reference{change: func(b []byte) []byte { b[0] &= 0x7f; return b }}, "^pings/ping-text$", Fail, "fragmented", "5.5"},
		{"wrong pong", reference{change: func(b []byte) []byte { b[2]++; return b }}, "^pings/ping-text$", Fail, "answers no open ping", "5.5.3"},
		{"no pong", reference{change: func(b []byte) []byte { return nil }}, "^pings/ping-text$", Fail, "nothing came in place of a pong", ""},
		{"twice", reference{change: func(b []byte) []byte { return append(b, b...) }}, "^framing/text-1$", Fail, "though nothing was left to answer", ""},
		{"bad text", reference{change: func(b []byte) []byte { b[2] = 0xff; return b }}, "^framing/text-1$", Fail, "not UTF-8", "5.6"},
		{"another code", reference{change: func(b []byte) []byte { b[3] = 0xeb; return b }}, "^reserved/opcode-3$", Lenient, "code 1003 came, not one with 1002", "7.1.7"},
		{"code 1005", reference{change: func(b []byte) []byte { b[3] = 0xed; return b }}, "^close/code-1000$", Fail, "code 1005", "7.4.1"},
		{"code 999", reference{change: func(b []byte) []byte { b[3] = 0xe7; return b }}, "^close/code-1000$", Fail, "code 999", "7.4.2"},
		{"body of one byte", reference{change: func(b []byte) []byte { return []byte{0x88, 1, 3} }}, "^close/code-1000$", Fail, "one byte", "5.5.1"},
		{"text after Close", reference{change: func(b []byte) []byte { return append(b, 0x81, 0) }}, "^close/code-1000$", Fail, "after its Close frame", "5.5.1"},
		{"bad fragments", reference{change: func(b []byte) []byte { return []byte{0x01, 1, 'x', 0x81, 0} }}, "^framing/text-1$", Fail, "before it had ended the last", "5.4"},
		{"huge frame", reference{change: func(b []byte) []byte { return []byte{0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0} }}, "^framing/text-1$", Fail, "more than it ever received", "5.2"},
	} {
		t.Run(v.name, func(t *testing.T) {
			r := run(t, Config{URL: v.ref.start(t), Timeout: 500 * time.Millisecond}, v.match)[0]
			if r.Verdict != v.verdict || !strings.Contains(r.Reason, v.reason) || r.Broken.Section != v.section {
				t.Errorf("%s: %s (%s), want %s: %s (%s)\n%s", r.Verdict, r.Reason, r.Broken.Section, v.verdict, v.reason, v.section, r.Exchange)
			}
			if len(r.Exchange) == 0 {
				t.Error("nothing of the exchange was kept")
			}
		})
	}
}

// A server may fragment what it echoes and ping at any time.
func TestServerMayFragmentAndPing(t *testing.T) {
	ref := reference{change: func(b []byte) []byte {
		if b[0] != 0x81 || b[1] != 125 {
			return b
		}
		out := wire(text(string(b[2:50])).unmasked().part(), ping("server's").unmasked(), cont(string(b[50:])).unmasked())
		return append(ping("").unmasked().bytes(), out...)
	}}
	r := run(t, Config{URL: ref.start(t)}, "^framing/text-125$")[0]
	if r.Verdict != Pass {
		t.Errorf("%s: %s\n%s", r.Verdict, r.Reason, r.Exchange)
	}
	var answered bool
	for _, x := range r.Exchange {
		answered = answered || x.Direction == Sent && bytes.HasPrefix(x.Data, []byte{0x8a})
	}
	if !answered {
		t.Error("its ping was not answered")
	}
}

// A server that never answers fails every case, and none hangs.
func TestSilentServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // what nobody accepts is silent
	for _, r := range run(t, Config{URL: "ws://" + ln.Addr().String(), Timeout: 50 * time.Millisecond, Parallel: 64}, standard()) {
		if r.Verdict == Pass {
			t.Errorf("%s passed", r.ID)
		}
	}
}

// A server that upgrades and then neither reads nor writes fails every case that waits for it.
func TestStuckServer(t *testing.T) {
	stop := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			acceptFor(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n")
		rw.Flush()
		<-stop
	}))
	defer ts.Close()
	defer close(stop)
	url := "ws" + strings.TrimPrefix(ts.URL, "http")
	for _, r := range run(t, Config{URL: url, Timeout: 300 * time.Millisecond, Parallel: 32}, "^(framing|close|pings)/") {
		if r.Verdict != Fail {
			t.Errorf("%s %s: %s", r.Verdict, r.ID, r.Reason)
		}
	}
}

func TestProbe(t *testing.T) {
	serve := func(h http.HandlerFunc) string {
		ts := httptest.NewServer(h)
		t.Cleanup(ts.Close)
		return "ws" + strings.TrimPrefix(ts.URL, "http")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "ws://" + ln.Addr().String()
	ln.Close()
	shout := reference{change: func(b []byte) []byte { return append(b[:2:2], bytes.ToUpper(b[2:])...) }}
	for _, v := range []struct{ name, url, want string }{
		{"an echo server", new(reference).start(t), ""},
		{"nobody", nobody, "could not connect"},
		{"no WebSocket", serve(http.NotFound), `the handshake was refused with "HTTP/1.1 404 Not Found"`},
		{"no echo", shout.start(t), `this is no echo server: a text message of 5 bytes came for the text message "spout"`},
		{"no TLS", strings.Replace(new(reference).start(t), "ws", "wss", 1), "could not connect"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k, err := New(Config{URL: v.url})
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Probe(t.Context()); v.want == "" && err != nil || v.want != "" && (err == nil || !strings.Contains(err.Error(), v.want)) {
				t.Errorf("got %v, want %q", err, v.want)
			}
		})
	}
}

func TestNewRefusesURLs(t *testing.T) {
	for _, url := range []string{"", "http://localhost", "localhost:80", "ws://", "ws://%", "ws:localhost"} {
		if _, err := New(Config{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	k, err := New(Config{URL: "wss://[::1]/a?b=c"})
	if err != nil {
		t.Fatal(err)
	}
	if k.target.addr != "[::1]:443" || k.target.path != "/a?b=c" || k.target.origin != "https://[::1]" || k.target.tls.ServerName != "::1" {
		t.Errorf("%+v", k.target)
	}
}

// Run ends with its context, and reports nothing after that.
func TestRunEndsWithContext(t *testing.T) {
	k, err := New(Config{URL: new(reference).start(t), Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports := 0
	_, err = k.Run(ctx, slices.DeleteFunc(Cases(), func(c Case) bool { return c.Family.Hostile() }), func(Result) {
		if reports++; reports == 5 {
			cancel()
		}
	})
	if err != context.Canceled || reports != 5 {
		t.Errorf("%v after %d reports", err, reports)
	}
}

// However many cases wait to be reported when the context ends, none is.
func TestNoReportAfterTheEnd(t *testing.T) {
	cases := make([]Case, 64)
	ctx, cancel := context.WithCancel(t.Context())
	var answered, done sync.WaitGroup
	answered.Add(len(cases))
	reports := 0
	_, ask := asking(ctx, cases, func(context.Context, Case) Result {
		answered.Done()
		return Result{}
	}, func(Result) {
		reports++
		answered.Wait()
		cancel()
	})
	for i := range cases {
		done.Go(func() { ask(i) })
	}
	done.Wait()
	if reports != 1 {
		t.Errorf("%d reports", reports)
	}
}

// The bytes of frames, by the RFC's examples (section 5.7) and by hand.
func TestFrameBytes(t *testing.T) {
	for _, v := range []struct {
		name string
		f    frame
		want string
	}{
		{"unmasked text", text("Hello").unmasked(), "\x81\x05Hello"},
		{"masked text", text("Hello"), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{"first fragment", text("Hel").part().unmasked(), "\x01\x03Hel"},
		{"last fragment", cont("lo").unmasked(), "\x80\x02lo"},
		{"masked pong", pong("Hello"), "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{"256 bytes", bin(make([]byte, 256)).unmasked(), "\x82\x7e\x01\x00" + string(make([]byte, 256))},
		{"64 KiB", bin(make([]byte, 65536)).unmasked(), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + string(make([]byte, 65536))},
		{"long form", text("x").unmasked().longer(64), "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x"},
		{"false length", text("x").unmasked().claiming(16, 300), "\x81\x7e\x01\x2cx"},
		{"reserved", newFrame(0xb, nil).reserved(rsv1 | rsv3).unmasked(), "\xdb\x00"},
		{"key", bin([]byte{0, 0, 0, 0, 1}).keyed([4]byte{1, 2, 3, 4}), "\x82\x85\x01\x02\x03\x04\x01\x02\x03\x04\x00"},
		{"close", closing(closeBody(1001, "bye")).unmasked(), "\x88\x05\x03\xe9bye"},
	} {
		if got := string(v.f.bytes()); got != v.want {
			t.Errorf("%s: % x, want % x", v.name, head([]byte(got), 20), head([]byte(v.want), 20))
		}
	}
}

func TestTransferText(t *testing.T) {
	var x exchange
	x.add(Sent, []byte("GET / HTTP/1.1\r\nX: \"a\"\r\n\r\n"))
	x.add(Received, []byte{0x81, 3})
	x.add(Received, []byte("abc"))
	x.add(Sent, make([]byte, 2000))
	x.note("the server closed the connection")
	var got strings.Builder
	for _, tr := range x.transfers {
		got.WriteString(tr.String())
	}
	lines := strings.Split(got.String(), "\n")
	want := []string{
		`> GET / HTTP/1.1\r\n`, `> X: "a"\r\n`, `> \r\n`,
		`< 0000  81 03 61 62 63                                   ..abc`,
		`> 0000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................`,
	}
	if !slices.Equal(lines[:5], want) || lines[12] != "> ... and 1872 more bytes" || lines[13] != "* the server closed the connection" {
		t.Errorf("%s", got.String())
	}
}
