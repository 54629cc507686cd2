package conformance

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every client case can be passed: a plain client that obeys the RFC passes it, or has not got
// what it asks for.
func TestReferenceClientPassesAll(t *testing.T) {
	passed := 0
	for _, r := range askClient(t, referenceClient{}, only(""), 16, 20*time.Second) {
		switch {
		case r.Verdict == Pass:
			passed++
		case r.Verdict == Unsupported && slices.Contains([]string{"request/path", "redirects/credentials-ws", "redirects/credentials-http",
			"negotiation/deflate-client-bits-unasked", "negotiation/deflate-server-bits-above"}, r.ID):
		default:
			t.Errorf("%s %s: %s\n%s", r.Verdict, r.ID, r.Reason, r.Exchange)
		}
	}
	t.Logf("%d cases passed", passed)
}

func TestClientCasesAreComplete(t *testing.T) {
	cases := ClientCases()
	if len(cases) < 160 {
		t.Errorf("%d cases, want at least 160", len(cases))
	}
	id := regexp.MustCompile(`^(` + familyNames() + `)/[a-z0-9A-Z.-]+$`)
	titles := map[string]string{}
	for i, c := range cases {
		if c.Number() != i+1 {
			t.Errorf("%s has the number %d, want %d", c.ID, c.Number(), i+1)
		}
		if !id.MatchString(c.ID) || c.Title == "" || c.Rule.Text == "" || c.Rule.Source == "" {
			t.Errorf("%q of family %q: title %q, rule %v", c.ID, c.Family, c.Title, c.Rule)
		}
		if other, ok := titles[c.Title]; ok {
			t.Errorf("%s and %s have one title: %s", c.ID, other, c.Title)
		}
		titles[c.Title] = c.ID
	}
}

// What a client does wrong decides the verdict, and the reason names it.
func TestClientVerdicts(t *testing.T) {
	old := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	for _, v := range []struct {
		name    string
		client  referenceClient
		match   string
		verdict Verdict
		reason  string
	}{
		{"HTTP/1.0", referenceClient{request: old("HTTP/1.1", "HTTP/1.0")}, "^request/line$", Fail, "GET HTTP/1.0"},
		{"POST", referenceClient{request: old("GET", "POST")}, "^request/line$", Fail, "POST"},
		{"no Host", referenceClient{request: old("Host: ", "X-Host: ")}, "^request/host$", Fail, "Host []"},
		{"no Upgrade", referenceClient{request: old("Upgrade: websocket", "Upgrade: h2c")}, "^request/upgrade$", Fail, "h2c"},
		{"no token in Connection", referenceClient{request: old("Connection: Upgrade", "Connection: close")}, "^request/connection$", Fail, "close"},
		{"short key", referenceClient{nonce: "c2hvcnQ="}, "^request/key$", Fail, "c2hvcnQ="},
		{"two keys", referenceClient{request: old("Upgrade: ", "Sec-WebSocket-Key: "+exampleNonce+"\r\nUpgrade: ")}, "^request/key-once$", Fail, exampleNonce},
		{"one key for all", referenceClient{nonce: exampleNonce}, "^request/(line|key-random)$", Fail, "more than once"},
		{"key of zeros", referenceClient{nonce: "AAAAAAAAAAAAAAAAAAAAAA=="}, "^request/key-random$", Fail, "all the same"},
		{"old version", referenceClient{request: old("Version: 13", "Version: 8")}, "^request/version$", Fail, "8"},
		{"subprotocol twice", referenceClient{request: old("Upgrade: ", "Sec-WebSocket-Protocol: a, b, a\r\nUpgrade: ")}, "^request/subprotocols$", Fail, "a"},
		{"bad offer", referenceClient{request: old(offerAll, "permessage-deflate; server_max_window_bits=99")}, "^request/extensions$", Fail, "99"},
		{"a body", referenceClient{request: old("Upgrade: ", "Content-Length: 5\r\nUpgrade: ")}, "^request/no-body$", Fail, "announced a body"},
		{"does not wait", referenceClient{hasty: true}, "^request/waits$", Fail, "did not wait"},
		{"no HTTP", referenceClient{request: old("Upgrade: ", "Upgrade ")}, "^request/line$", Fail, "no header field"},

		{"wrong accept value taken", referenceClient{trusting: true}, "^refusals/accept-example$", Fail, "took the connection for open"},
		{"refusal taken", referenceClient{trusting: true}, "^refusals/status-200-as-upgrade$", Fail, "no request"},
		{"no answer needed", referenceClient{headless: true}, "^refusals/frames-at-once$", Fail, "no request"},
		{"subprotocol taken", referenceClient{trusting: true}, "^negotiation/subprotocol-unsolicited$", Fail, "took the connection for open"},
		{"extension taken", referenceClient{trusting: true}, "^negotiation/extension-unknown$", Fail, "took the connection for open"},
		{"never closes", referenceClient{patient: true}, "^half-handshake/silent$", Lenient, "still waiting"},
		{"same key after a redirect", referenceClient{follows: true}, "^redirects/other-port-ws$", Fail, "key of its first handshake"},
		{"credentials go along", referenceClient{follows: true, request: old("Upgrade: ", "Authorization: Basic Og==\r\nUpgrade: ")}, "^redirects/credentials-ws$", Fail, "credentials along"},
		{"redirected for ever", referenceClient{follows: true}, "^redirects/loop$", Lenient, "20 redirects"},

		{"no masks", referenceClient{reference: reference{change: unmask}}, "^framing/text-1$", Fail, "not masked"},
		{"one masking key", referenceClient{keys: func(int) [4]byte { return exampleKey }}, "^masking/fresh-messages$", Fail, "1 masking keys for 40"},
		{"counted masking keys", referenceClient{keys: countingKeys}, "^masking/no-step$", Fail, "the one before"},
		{"half a masking key", referenceClient{keys: func(i int) [4]byte { return [4]byte{byte(i), byte(7 * i), 0, 0} }}, "^masking/bits$", Fail, "is set in 0 of 200"},
		{"masked frames taken", referenceClient{lax: true}, "^masking/server-text$", Fail, "went on with"},
		{"cut message delivered", referenceClient{delivers: true}, "^truncation/first-fragment$", Fail, "a text message of 5 bytes"},
		{"no end after the server's", referenceClient{patient: true}, "^close/dropped$", Fail, "did not close"},
		{"no pong", referenceClient{reference: reference{change: without(opPong)}}, "^pings/ping-text$", Fail, "in place of a pong"},
		{"no Close frame", referenceClient{reference: reference{mute: true}}, "^reserved/opcode-3$", Lenient, "without a Close frame"},
		{"no answer to a Close frame", referenceClient{reference: reference{mute: true}}, "^close/code-1000$", Fail, "the client closed the connection without a Close frame"},
		{"unknown compression", referenceClient{reference: reference{inflate: func(_ *deflation, in []byte) []byte { return in }}}, "^deflate/binary-[0-9]+$", Fail, "echoed as"},
		{"no compression", referenceClient{request: old(offerAll, "x-other")}, "^deflate/example-one-block$", Unsupported, "offers no compression"},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			// One client after the other: what the last did can't depend on which came first.
			results := askClient(t, v.client, only(v.match), 1, 6*time.Second)
			i := slices.IndexFunc(results, func(r Result) bool { return r.Verdict == v.verdict && strings.Contains(r.Reason, v.reason) })
			if i < 0 {
				r := results[0]
				t.Errorf("%s (%s), want %s: %s\n%s", r.Verdict, r.Reason, v.verdict, v.reason, r.Exchange)
			} else if len(results[i].Exchange) == 0 {
				t.Error("nothing of the exchange was kept")
			}
		})
	}
}

// unmask takes the mask off a frame of the reference, but leaves its payload.
func unmask(b []byte) []byte {
	f, _, _ := parse(b, true, rsv1)
	return f.unmasked().bytes()
}

// without drops the frames of an opcode.
func without(op byte) func([]byte) []byte {
	return func(b []byte) []byte {
		if b[0]&0xf == op {
			return nil
		}
		return b
	}
}

// Without a number in its path, a client gets the next case; a number of none is refused.
func TestClientsGetTheNextCase(t *testing.T) {
	k, err := Listen(ClientConfig{Addr: "127.0.0.1:0", Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	cases := ClientCases()[:3]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	var order []string
	go func() {
		defer close(done)
		k.Run(ctx, cases, func(r Result) { order = append(order, r.ID) })
	}()
	var c referenceClient
	if err := c.dial(ctx, k.URL()+"case/999"); err != errAnswer {
		t.Errorf("case 999: %v", err)
	}
	for range cases {
		c.dial(ctx, k.URL()) // which may end as the case wants
	}
	<-done
	slices.Sort(order)
	if want := []string{cases[0].ID, cases[1].ID, cases[2].ID}; len(order) != 3 || !slices.Contains(order, want[0]) || !slices.Contains(order, want[1]) || !slices.Contains(order, want[2]) {
		t.Errorf("asked %q, want %q", order, want)
	}
	if err := c.dial(ctx, k.URL()); err != errAnswer {
		t.Errorf("after the last: %v", err)
	}
}

func TestListenRefusals(t *testing.T) {
	for _, c := range []ClientConfig{{Addr: "nonsense"}, {Addr: "127.0.0.1:0", Exec: []string{"client", "url"}}, {Addr: "256.0.0.1:0"}} {
		if k, err := Listen(c); err == nil {
			k.Close()
			t.Errorf("%+v was taken", c)
		}
	}
}
