package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// elsewhere serves an empty page from an origin that is not spout's. Its page
// /sandbox has no origin at all: the browser says "null".
func elsewhere(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/sandbox" {
			w.Header().Set("Content-Security-Policy", "sandbox allow-scripts")
		}
		fmt.Fprint(w, "<!doctype html><title>elsewhere</title>")
	}))
	t.Cleanup(s.Close)
	return s
}

// fails opens a WebSocket in the page and returns why the browser says that it
// failed. The page itself learns no more than 1006.
func (p *tab) fails(url string) string {
	p.t.Helper()
	failure := run(p, "a connection that must fail", chromedp.WaitEvent(network.WebSocketFrameError, nil,
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void (window.outcome = new Promise(resolve => {
			const ws = new WebSocket(%s);
			ws.onopen = () => resolve("open");
			ws.onclose = event => resolve("closed with " + event.code);
		}))`, quote(url)))))
	if got := eval[string](p, "what the page saw", `window.outcome`); got != "closed with 1006" {
		p.t.Errorf("the page saw %q, want closed with 1006", got)
	}
	return failure.ErrorMessage
}

// echoes sends a text over a new WebSocket in the page and returns the answer.
func (p *tab) echoes(url, text string) string {
	p.t.Helper()
	return eval[string](p, "echo at "+url, fmt.Sprintf(`new Promise((resolve, reject) => {
		const ws = new WebSocket(%s);
		ws.onopen = () => ws.send(%s);
		ws.onmessage = event => { resolve(event.data); ws.close(1000); };
		ws.onclose = event => reject(new Error("closed with " + event.code));
	})`, quote(url), quote(text)))
}

// testOrigin has pages of other origins try to connect.
func testOrigin(t *testing.T, b *browser, spout string) {
	friend, stranger := elsewhere(t), elsewhere(t)
	s := runSpout(t, spout, "serve", "--addr", "127.0.0.1:0", "--origin", friend.URL)
	url := "ws://" + s.url.Host + "/ws/echo"
	const refused = "Unexpected response code: 403"

	for _, from := range []struct{ name, url string }{
		{"another port", stranger.URL},
		{"another name of the same host", strings.Replace(friend.URL, "127.0.0.1", "localhost", 1)},
		{"the same name at another address", strings.Replace(s.url.String(), "127.0.0.1", "localhost", 1)},
		{"a page without an origin", stranger.URL + "/sandbox"},
	} {
		t.Run(from.name, func(t *testing.T) {
			p := b.tab(t)
			p.open(from.url)
			if why := p.fails(url); !strings.Contains(why, refused) {
				t.Errorf("the browser says %q, want %q", why, refused)
			}
		})
	}
	t.Run("an origin that is allowed", func(t *testing.T) {
		p := b.tab(t)
		p.open(friend.URL)
		if got := p.echoes(url, "let me in"); got != "let me in" {
			t.Errorf("got %q", got)
		}
	})
}

// testSelfSigned plays what the seed's note on self-signed certificates tells:
// a wss connection fails, its server's page is visited and the warning clicked
// through, then the connection works.
func testSelfSigned(t *testing.T, b *browser, spout string, demo *server) {
	origin := strings.TrimSuffix(demo.url.String(), "/")
	s := runSpout(t, spout, "serve", "--addr", "127.0.0.1:0", "--tls-self-signed", "--origin", origin)
	if s.url.Scheme != "https" {
		t.Fatalf("the server printed %s, want an https address", s.url)
	}
	url := "wss://" + s.url.Host + "/ws/echo"
	p := b.tab(t)
	p.wear(look{"laptop", "light"})
	p.open(demo.url.String())
	p.do("the page", visible("#echo-status[data-state=open]"))

	const unknown = "net::ERR_CERT_AUTHORITY_INVALID"
	if why := p.fails(url); !strings.Contains(why, unknown) {
		t.Fatalf("the browser says %q, want %q", why, unknown)
	}
	p.do("the same in the page's own form", click("#echo-disconnect"), visible("#echo-status[data-state=closed]"),
		chromedp.SetValue(chromedp.CSS("#echo-url"), url), click("#echo-connect"), visible("#tls-note"))
	p.row("[data-direction=local][data-opcode=error]", "")
	p.picture("certificate-1-note")

	// The note's link opens another tab, where the browser warns.
	id := chromedp.WaitNewTarget(p.ctx, func(info *target.Info) bool { return info.URL != "" })
	p.do("the note's link", click("#tls-note-link"))
	visit := newTab(t, p.ctx, chromedp.WithTargetID(<-id))
	visit.wear(look{"laptop", "light"})
	visit.do("the browser's warning", visible("#details-button"))
	visit.picture("certificate-2-warning")
	visit.do("accepting the certificate", click("#details-button"), click("#proceed-link"),
		visible("html[data-tls=self-signed] #tls-note"), visible("#echo-status[data-state=open]"))
	visit.picture("certificate-3-accepted")
	if got := visit.echoes(url, "secure"); got != "secure" {
		t.Errorf("got %q", got)
	}

	p.front()
	p.do("connecting again", click("#tls-note-retry"), visible("#echo-status[data-state=open]"), keys("#echo-text", "now it works\r"))
	p.row("[data-direction=received][data-opcode=text]", "now it works")
	if got := p.echoes(url, "from the other page too"); got != "from the other page too" {
		t.Errorf("got %q", got)
	}
}

// testBalanced opens the page of a server without TLS through balancers that have it, and has it and
// another page connect.
func testBalanced(t *testing.T, b *browser, spout string) {
	c := newCertificate(t)
	s := runSpout(t, spout, "serve", "--addr", "127.0.0.1:0")
	stranger := elsewhere(t)
	nodes := [3]string{s.url.Host, s.url.Host, s.url.Host}
	for _, proxy := range []struct {
		name    string
		start   func(*testing.T, certificate, [3]string, ...string) *balancer
		changes []string
	}{
		{"nginx", startNginx, nil},
		{"HAProxy", startHAProxy, nil},
		// The browser has its WebSockets in HTTP/2 then (RFC 8441), and the node in HTTP/1.1.
		{"HAProxy with HTTP/2", startHAProxy, []string{" ssl crt ", " ssl alpn h2,http/1.1 crt "}},
	} {
		t.Run(proxy.name, func(t *testing.T) {
			front := proxy.start(t, c, nodes, proxy.changes...)
			url := "wss://" + front.secure + "/ws/echo"
			p := b.tab(t)
			p.open("about:blank")
			p.do("accepting the certificate", chromedp.Evaluate[chromedp.Void]("void (location = "+quote("https://"+front.secure)+")"), click("#details-button"), click("#proceed-link"),
				visible("#echo-status[data-state=open]"))
			if got := p.echoes(url, "its own"); got != "its own" {
				t.Errorf("got %q", got)
			}
			if proxy.changes != nil && front.stat(t, "public", "FRONTEND", "h2_data_rcvd") == "0" {
				t.Error("the browser sent no message over HTTP/2")
			}
			p = p.beside()
			p.open(stranger.URL)
			if why := p.fails(url); !strings.Contains(why, "403") {
				t.Errorf("the browser says %q to a page from elsewhere, want 403", why)
			}
		})
	}
}
