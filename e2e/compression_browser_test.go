package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/spoutws/spout"
)

// compressionPage has functions that return promises of what came of them.
const compressionPage = `<!doctype html><title>compression</title><script>
const arrived = [];
let wanted;
let ws;

function connect(url) {
	ws = new WebSocket(url);
	ws.binaryType = "arraybuffer";
	ws.onmessage = e => { arrived.push(e.data); wanted?.(); };
	return new Promise((resolve, reject) => { ws.onopen = () => resolve(ws.extensions); ws.onerror = reject; });
}

// next returns the next message.
async function next() {
	while (arrived.length === 0) {
		if (ws.readyState !== WebSocket.OPEN) throw new Error("not open");
		await new Promise(resolve => { wanted = ws.onclose = resolve; });
	}
	return arrived.shift();
}

function same(a, b) {
	if (typeof a === "string" || typeof b === "string") return a === b;
	const x = new Uint8Array(a), y = new Uint8Array(b);
	return x.length === y.length && x.every((v, i) => v === y[i]);
}

// echoed sends all at once and returns how many came back, in order and the same.
async function echoed(messages) {
	for (const m of messages) ws.send(m);
	let n = 0;
	for (const m of messages) if (same(m, await next())) n++;
	return n;
}

const encoder = new TextEncoder();

// words returns text of that many bytes.
function words(size) {
	let text = "";
	for (let i = 0; text.length < size; i++) text += "Gruesse an alle, " + i * i + "; ";
	return text.slice(0, size);
}

function noise(size) {
	const all = new Uint8Array(size);
	for (let i = 0; i < size; i += 65536) crypto.getRandomValues(all.subarray(i, i + 65536));
	return all.buffer;
}

function row() {
	const messages = [];
	for (let i = 0; i < 200; i++) {
		messages.push(JSON.stringify({ id: i, at: 1700000000 + i * 7, name: "Zoë", kind: "position", x: i * 13 % 101, y: i * 17 % 103,
			status: "on its way", remarks: ["none so far", "none expected"] }));
	}
	return messages;
}
</script>`

// testCompression has the browser's own permessage-deflate talk to ours.
func testCompression(t *testing.T, b *browser) {
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, compressionPage)
	}))
	t.Cleanup(pages.Close)
	srv := &spout.Server{
		Options:     spout.Options{Compression: &spout.Deflate{}},
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == pages.URL },
	}
	ts := httptest.NewUnstartedServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Write(c.Context(), m) }))
	l := &tapListener{ts.Listener, make(chan *tap, 1)}
	ts.Listener = l
	ts.Start()
	t.Cleanup(ts.Close)

	p := b.tab(t)
	p.open(pages.URL)
	if _, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	requests := chromedp.Events(p.ctx, network.WebSocketWillSendHandshakeRequest)
	response := run(p, "the handshake", chromedp.WaitEvent(network.WebSocketHandshakeResponseReceived, nil,
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void (opening = connect(%s))`, quote("ws"+strings.TrimPrefix(ts.URL, "http")))))).Response
	for e, err := range requests {
		if err != nil {
			t.Fatal(err)
		}
		const offer = "permessage-deflate; client_max_window_bits"
		if got := extensions(e.Request.Headers); got != offer {
			t.Errorf("Chromium offers %q, no longer %q", got, offer)
		}
		break
	}
	const agreed = "permessage-deflate; client_max_window_bits=12"
	if got := extensions(response.Headers); response.Status != http.StatusSwitchingProtocols || got != agreed {
		t.Fatalf("answer %d with extensions %q, want %q", response.Status, got, agreed)
	}
	if got := eval[string](p, "opening", `opening`); got != agreed {
		t.Errorf("the page sees %q, want %q", got, agreed)
	}
	tap := within(t, "the browser's connection", l.taps)

	for _, phase := range []struct {
		name     string
		messages string // in JavaScript
		n        int
		percent  int64 // of the messages' size that may be on the wire, in each direction
	}{
		{"texts", `["", "Grüße 🎈", words(128), "round and ".repeat(103), words(1 << 16), words(900 << 10)]`, 6, 35},
		{"binary", `["", words(128), words(1 << 10), words(1 << 16), words(900 << 10)].map(s => encoder.encode(s).buffer)`, 5, 35},
		{"noise", `[noise(128), noise(1 << 10), noise(1 << 16), noise(900 << 10), words(1 << 10)]`, 5, 101},
		{"200 in a row", `row()`, 200, 30},
	} {
		read, wrote := tap.counts()
		size := eval[int64](p, phase.name, fmt.Sprintf(
			`void (messages = %s), messages.reduce((sum, m) => sum + (m.byteLength ?? encoder.encode(m).length), 0)`, phase.messages))
		if n := eval[int](p, phase.name, `echoed(messages)`); n != phase.n {
			t.Fatalf("%s: %d messages came back the same, want %d", phase.name, n, phase.n)
		}
		r, w := tap.counts()
		t.Logf("%s: %d bytes, received as %d, sent as %d", phase.name, size, r-read, w-wrote)
		if allowed := size * phase.percent / 100; r-read > allowed || w-wrote > allowed {
			t.Errorf("%s: %d bytes were received as %d and sent as %d, want at most %d", phase.name, size, r-read, w-wrote, allowed)
		}
	}
	code := eval[int](p, "closing", `new Promise(resolve => { ws.onclose = e => resolve(e.code); ws.close(1000); })`)
	if code != int(spout.CloseNormal) {
		t.Errorf("closed with %d, want 1000", code)
	}
}

// extensions returns a header of DevTools.
func extensions(h network.Headers) string {
	for name, value := range h {
		if strings.EqualFold(name, "Sec-WebSocket-Extensions") {
			return fmt.Sprint(value)
		}
	}
	return ""
}
