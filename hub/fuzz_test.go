package hub_test

import (
	"encoding/json"
	"testing"

	"github.com/spoutws/spout/hub"
)

// FuzzPosition: what is taken for a position is exactly the text of that position, in a URL and in an envelope.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{"", "k3f9:17", "a-b_C9:0", "e:18446744073709551615", "e:18446744073709551616", ":1", "e:", "e:01", "e:+1", "e:1:2", "e f:1", "\xff:1", "é:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := hub.ParsePosition(s)
		if err != nil {
			if !p.IsZero() {
				t.Errorf("%q is no position, but %+v", s, p)
			}
			return
		}
		if p.String() != s || p.IsZero() != (s == "") {
			t.Errorf("%q was taken for %+v, which is %q", s, p, p)
		}
		data, err := json.Marshal(hub.Envelope{Position: p})
		if err != nil {
			t.Fatal(err)
		}
		var e hub.Envelope
		if err := json.Unmarshal(data, &e); err != nil || e.Position != p {
			t.Errorf("%+v became %s and then %+v, %v", p, data, e.Position, err)
		}
	})
}
