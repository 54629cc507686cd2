package spout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

// What a server answers to offers (RFC 7692, 7.1).
func TestCompressionAnswers(t *testing.T) {
	for _, test := range []struct {
		d             *spout.Deflate
		offer, answer string
	}{
		{nil, "permessage-deflate", ""},
		{&spout.Deflate{}, "permessage-bzip2", ""},
		{&spout.Deflate{}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12"},
		{&spout.Deflate{}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"},
		{&spout.Deflate{}, "permessage-deflate", "permessage-deflate; client_no_context_takeover"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate", "permessage-deflate"},
		{&spout.Deflate{SendWindow: -1, ReceiveWindow: -1}, "permessage-deflate",
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=\"9\"",
			"permessage-deflate; server_no_context_takeover; server_max_window_bits=9"},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; server_max_window_bits=7, permessage-deflate; x, " +
			"permessage-deflate; client_no_context_takeover; client_no_context_takeover, =, permessage-deflate; server_max_window_bits=8",
			"permessage-deflate; server_max_window_bits=8"},
	} {
		t.Run(test.offer, func(t *testing.T) {
			_, p := offer(t, spout.Options{Compression: test.d}, test.offer)
			if p.answer != test.answer {
				t.Errorf("%+v answers %q, want %q", test.d, p.answer, test.answer)
			}
		})
	}
}

// What a client takes for an answer. Without Options.Compression it offers nothing and takes none.
func TestCompressionAccepted(t *testing.T) {
	const a, b = "permessage-deflate; server_max_window_bits=12; client_max_window_bits",
		"permessage-deflate; server_no_context_takeover; client_max_window_bits"
	for _, test := range []struct {
		d             *spout.Deflate
		offer, answer string
		ok            bool
	}{
		{nil, "", "", true},
		{nil, "", "permessage-deflate", false},
		{&spout.Deflate{}, a + ", " + b, "", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=13", false},
		{&spout.Deflate{ReceiveWindow: -1}, b, "permessage-deflate", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; client_max_window_bits", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; server_max_window_bits=12", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; server_max_window_bits=12; unknown", false},
		{&spout.Deflate{}, a + ", " + b, a + ", " + b, false},
		{&spout.Deflate{}, a + ", " + b, "permessage-bzip2", false},
		{&spout.Deflate{}, a + ", " + b, "permessage-deflate; ", false},
		{&spout.Deflate{ReceiveWindow: 32 << 10}, "permessage-deflate; client_max_window_bits", "permessage-deflate", true},
		{&spout.Deflate{SendWindow: -1, ReceiveWindow: -1}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
			"permessage-deflate; server_no_context_takeover", true},
	} {
		t.Run(test.answer, func(t *testing.T) {
			p, dialled := dialPeer(t, &spout.Dialer{Options: spout.Options{Compression: test.d}}, "ws://spout.test/")
			var lines []string
			if test.answer != "" {
				lines = []string{"Sec-WebSocket-Extensions: " + test.answer}
			}
			r := p.accept(lines...)
			if got := r.Header.Get("Sec-Websocket-Extensions"); got != test.offer {
				t.Errorf("offers %q, want %q", got, test.offer)
			}
			c, err := dialled()
			if _, refused := errors.AsType[*spout.HandshakeError](err); test.ok != (err == nil) || !test.ok && !refused {
				t.Errorf("answer %q: %v", test.answer, err)
			}
			if err == nil {
				c.CloseNow()
			}
		})
	}
}

// Options that can't be honoured are misuse, for both sides.
func TestCompressionOptions(t *testing.T) {
	for _, d := range []spout.Deflate{{Level: 10}, {Level: -1}, {SendWindow: 1 << 20}, {ReceiveWindow: 3000}, {ReceiveWindow: 128}, {ReceiveWindow: 1 << 16}} {
		_, err := (&spout.Dialer{Options: spout.Options{Compression: &d}}).Dial(t.Context(), "ws://spout.test/")
		if e, ok := errors.AsType[*spout.UsageError](err); !ok || !strings.Contains(e.Error(), "Deflate.") {
			t.Errorf("%+v: %v", d, err)
		}
	}
}
