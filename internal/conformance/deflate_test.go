package conformance

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a server does wrong about compression decides the verdict, and the reason names it.
func TestDeflateVerdicts(t *testing.T) {
	answer := func(s string) reference { return reference{extension: func(string) string { return s }} }
	wide := func(d *deflation, data []byte) []byte { // forgets the limit of its window
		return d.out.compressed(data, func(history []byte) []byte { return deflated(9, history, data) })
	}
	lax := func(d *deflation, in []byte) []byte { // takes whatever comes
		data, err := (&inflater{window: largestWindow}).inflate(in)
		if err != nil {
			return []byte("something")
		}
		return data
	}
	for _, v := range []struct {
		name    string
		ref     reference
		match   string
		verdict Verdict
		reason  string
		section string // of the rule that was broken
	}{
		{"no compression", answer(""), "^deflate/text-1$", Unsupported, "declined", ""},
		{"nothing accepted", answer(""), "^negotiation/plain$", Unsupported, "declined", ""},
		{"nothing accepted beside another", answer(""), "^negotiation/next-unknown$", Unsupported, "declined", ""},
		{"declined is right", answer(""), "^negotiation/declined-unknown$", Pass, "", ""},
		{"unknown in the answer", answer(deflateName + "; x"), "^negotiation/plain$", Fail, "the unknown parameter x", "7"},
		{"twice in the answer", answer(deflateName + "; client_no_context_takeover; client_no_context_takeover"), "^negotiation/plain$", Fail, "twice", "7"},
		{"value in the answer", answer(deflateName + "; server_no_context_takeover=1"), "^negotiation/plain$", Fail, "with a value", "7"},
		{"bits without a value", answer(deflateName + "; client_max_window_bits"), "^negotiation/client-bits$", Fail, "without a value", "7"},
		{"bits out of range", answer(deflateName + "; client_max_window_bits=7"), "^negotiation/client-bits$", Fail, `value "7"`, "7"},
		{"bits unasked", answer(deflateName + "; client_max_window_bits=10"), "^negotiation/plain$", Fail, "which was not offered", "7.1.2.2"},
		{"client bits too many", answer(deflateName + "; client_max_window_bits=12"), "^negotiation/client-bits-11$", Fail, "more than 11", "7.1.2.2"},
		{"server bits too many", answer(deflateName + "; server_max_window_bits=12"), "^negotiation/server-bits-11$", Fail, "more than 11", "7.1.2.1"},
		{"server bits ignored", answer(deflateName), "^negotiation/server-bits-11$", Fail, "lacks server_max_window_bits", "7.1.2.1"},
		{"server takeover ignored", answer(deflateName), "^negotiation/server-takeover$", Fail, "lacks server_no_context_takeover", "7.1.1.1"},
		{"another extension", answer("x-webkit-deflate-frame"), "^negotiation/plain$", Fail, "x-webkit-deflate-frame", "4.2.2"},
		{"two extensions", answer(deflateName + ", " + deflateName), "^negotiation/plain$", Fail, "more than one", "7"},
		{"two fields", answer(deflateName + "\r\nSec-WebSocket-Extensions: " + deflateName), "^negotiation/plain$", Fail, "more than once", "11.3.2"},
		{"malformed answer", answer(deflateName + ";"), "^negotiation/plain$", Fail, "malformed", "9.1"},
		{"empty answer", answer(","), "^negotiation/plain$", Fail, "without an extension", "9.1"},
		{"unasked parameters that are allowed", answer(deflateName + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"), "^deflate/text-1$", Pass, "", ""},

		{"window exceeded", reference{squeeze: wide}, "^deflate/server-window-9$", Fail, "the window has 512", "7.2.1"},
		{"takeover where none was agreed", reference{squeeze: func(d *deflation, data []byte) []byte {
			d.out.forgets = false
			return d.out.compress(data)
		}}, "^deflate/takeover-none-text$", Fail, "bytes back, where only", "7.2.1"},
		{"not DEFLATE", reference{squeeze: func(*deflation, []byte) []byte { return []byte{6} }}, "^deflate/text-1000$", Fail, "reserved type", "7.2.1"},
		{"last bytes not taken away", reference{squeeze: func(d *deflation, data []byte) []byte { return append(d.out.compress(data), 0, 0, 0xff, 0xff) }}, "^deflate/text-1000$", Fail, "ends within a block", "7.2.1"},
		{"final block and no end", reference{squeeze: func(d *deflation, data []byte) []byte {
			return new(blocks).fixed(1, literals(string(data))...).b
		}}, "^deflate/text-1000$", Fail, "ends within a block", "7.2.1"},
		{"another message", reference{squeeze: func(d *deflation, data []byte) []byte { return d.out.compress(bytes.ToUpper(data)) }}, "^deflate/text-1000$", Fail, "they differ from byte 1", ""},
		{"RSV1 on a pong", reference{change: func(b []byte) []byte {
			if b[0] == 0x8a {
				b[0] |= rsv1
			}
			return b
		}}, "^deflate/between-ping$", Fail, "does not begin a message", "6"},
		{"RSV1 on a continuation", reference{change: func(b []byte) []byte {
			if b[0] != 0xc1 || b[1] > 125 {
				return b
			}
			return slices.Concat([]byte{0x41, 1, b[2]}, []byte{0xc0, b[1] - 1}, b[3:])
		}}, "^deflate/text-125$", Fail, "does not begin a message", "6"},
		{"RSV2", reference{change: func(b []byte) []byte { b[0] |= rsv2; return b }}, "^deflate/text-125$", Fail, "no extension in use", "5.2"},
		{"RSV1 unasked", reference{change: func(b []byte) []byte { b[0] |= rsv1; return b }}, "^framing/text-125$", Fail, "no extension in use", "5.2"},

		{"takeover lost", reference{inflate: func(d *deflation, in []byte) []byte {
			d.in.history = nil
			data, _ := d.in.inflate(in)
			return data
		}}, "^deflate/example-window$", Fail, "was echoed as", ""},
		{"smaller window than agreed", reference{inflate: func(d *deflation, in []byte) []byte {
			d.in.window = 256
			data, _ := d.in.inflate(in)
			return data
		}}, "^deflate/client-window-9$", Fail, "was echoed as", ""},
		{"bad data delivered", reference{inflate: lax}, "^deflate/bad-reserved-type$", Fail, "went on with", "7.1.7"},
		{"truncated data delivered", reference{inflate: lax}, "^deflate/truncated-dynamic$", Fail, "made something of what is not DEFLATE", ""},
		{"what sloppy senders mean", reference{inflate: func(*deflation, []byte) []byte { return []byte("Hello") }}, "^deflate/sloppy-whole-flush$", Lenient, "takes it", ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			r := run(t, Config{URL: v.ref.start(t), Timeout: 5 * time.Second}, v.match)[0]
			if r.Verdict != v.verdict || !strings.Contains(r.Reason, v.reason) || r.Broken.Section != v.section {
				t.Errorf("%s: %s (%s), want %s: %s (%s)\n%s", r.Verdict, r.Reason, r.Broken.Section, v.verdict, v.reason, v.section, r.Exchange)
			}
		})
	}
}

// A server without compression fails none of the cases: it passes those that must be declined.
func TestWithoutCompression(t *testing.T) {
	ref := reference{extension: func(string) string { return "" }}
	var total Total
	for _, r := range run(t, Config{URL: ref.start(t), Timeout: time.Minute}, "^(negotiation|deflate|bombs)/") {
		total.Add(r.Verdict)
		if r.Verdict == Fail || r.Verdict == Lenient || r.Verdict == Pass && r.Family != Negotiation {
			t.Errorf("%s %s: %s", r.Verdict, r.ID, r.Reason)
		}
	}
	if total.Pass == 0 || total.Unsupported == 0 {
		t.Errorf("%v", total)
	}
}

// Values of window bits are taken by their grammar alone.
func TestDeflateOffers(t *testing.T) {
	for offer, want := range map[string]deflateParams{
		"; server_max_window_bits=8":                                 {serverBits: 8},
		`; server_max_window_bits="10"`:                              {serverBits: 10},
		`; server_max_window_bits = "1\0" ;client_max_window_bits`:   {serverBits: 10, clientBits: bitsUnsaid},
		";client_no_context_takeover;\tserver_no_context_takeover\t": {serverNoTakeover: true, clientNoTakeover: true},
	} {
		list, malformed := extensions([]string{deflateName + offer})
		if malformed != "" || len(list) != 1 {
			t.Errorf("%s: %v, malformed %q", offer, list, malformed)
			continue
		}
		if p, problem := parseDeflate(list[0], false); p != want || problem != "" {
			t.Errorf("%s: %+v, %s", offer, p, problem)
		}
	}
	for _, offer := range []string{
		"=7", "=16", "=0", "=08", "=015", "=+9", "=-9", "=0xf", "=10.0", "=ten", "", `="7"`,
		"=15; server_max_window_bits=15", "=15; x", "=15; client_no_context_takeover=1",
	} {
		list, malformed := extensions([]string{deflateName + "; server_max_window_bits" + offer})
		if malformed != "" || len(list) != 1 {
			t.Errorf("%s: %v, malformed %q", offer, list, malformed)
			continue
		}
		if p, problem := parseDeflate(list[0], false); problem == "" {
			t.Errorf("%s is taken: %+v", offer, p)
		}
	}
	list, malformed := extensions([]string{"a;, b", `c; d="e, f`, ",,g;h"})
	if malformed != "a;" || len(list) != 3 || list[2].name != "g" || list[2].params[0].name != "h" {
		t.Errorf("%v, malformed %q", list, malformed)
	}
}
