package spout_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// T20: an offer that is malformed, repeated, unknown or out of range is declined, and the one behind
// it is accepted.
func TestT20BadOffers(t *testing.T) {
	const deflate, good = "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	bad := []string{"", ",", ";", "=", `"`, "x-unknown", deflate + ";", deflate + ";;", deflate + " x", `"` + deflate + `"`, deflate + "\\", deflate + "s"}
	for _, params := range []string{
		"x", "x=1", "=1", "client_max_window_bits=", `client_max_window_bits="`, `client_max_window_bits=""`,
		`client_max_window_bits="1 5"`, "client_max_window_bits=1\t5", "client_max_window_bits==15", `client_max_window_bits=1"5"`,
		"client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=08", "client_max_window_bits=+9",
		"client_max_window_bits=-9", "client_max_window_bits=0xf", "client_max_window_bits=4294967306", "client_max_window_bits=\xc2\xb9",
		"server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=ten",
		"server_no_context_takeover=1", "client_no_context_takeover=true",
		"server_no_context_takeover; server_no_context_takeover", "client_no_context_takeover; client_no_context_takeover",
		"client_max_window_bits; client_max_window_bits", "server_max_window_bits=10; server_max_window_bits=10",
		"server_max_window_bits=15; server_max_window_bits=10",
	} {
		bad = append(bad, deflate+"; "+params)
	}
	declined := 0
	for _, o := range bad {
		t.Run(o, func(t *testing.T) {
			options := spout.Options{Compression: &spout.Deflate{}, Logger: silent}
			_, alone := offer(t, options, o)
			_, before := offer(t, options, o+"\r\nSec-WebSocket-Extensions: "+good)
			if alone.answer != "" || before.answer != good {
				t.Errorf("answered with %q, and before a good offer with %q", alone.answer, before.answer)
			} else {
				declined++
			}
		})
	}
	figureAll(t, declined, len(bad), "bad offers declined, and the next accepted")
}

// T20: the time that an offer takes grows with its length, and no faster. If it grew with the square,
// the long ones would not be answered in this peer's time.
func TestT20LongOffers(t *testing.T) {
	const short, times = 8 << 10, 64
	srv := &spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	h, conns := held(srv)
	m := serveMemory(t, &http.Server{Handler: h})
	handshake := func(pattern string, size int) (least time.Duration) {
		value := (`permessage-deflate; x="` + strings.Repeat(pattern, size/len(pattern)+1))[:size]
		ask := []byte(request("/", "Sec-WebSocket-Extensions: "+value))
		for i := range 5 {
			p := m.dial(t)
			start := time.Now()
			p.send(ask)
			resp := p.response()
			took := time.Since(start)
			if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-Websocket-Extensions") != "" {
				t.Fatalf("%d bytes of %q: answered %s, extensions %q", size, pattern, resp.Status, resp.Header.Get("Sec-Websocket-Extensions"))
			}
			(<-conns).CloseNow()
			if i == 0 || took < least {
				least = took
			}
		}
		return least
	}
	worst, quotes := 0.0, time.Duration(0)
	for _, pattern := range []string{`"`, `\`, `"\`, `",`, `";`, `",x`, `"=`, `x`, `",permessage-deflate;x="`} {
		a, b := handshake(pattern, short), handshake(pattern, times*short)
		ratio := float64(b) / float64(a)
		t.Logf("8 KiB of %q: %v; %d times as many: %v, %.1f times as long", pattern, a, times, b, ratio)
		worst = max(worst, ratio)
		if pattern == `"` {
			quotes = a
		}
	}
	figure(t, worst <= 4*times, fmt.Sprintf("%d times; its square would be %d", 4*times, times*times), "8 KiB of quotes take %v; 64 times the length takes %.0f times as long", quotes.Round(time.Microsecond), worst)
}
