package hub_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spoutws/spout/hub"
)

// TestDocumentedEnvelopes holds docs/rooms.md against Envelope: each example is one as it is sent, and each type and
// each field has its row.
func TestDocumentedEnvelopes(t *testing.T) {
	page, err := os.ReadFile("../docs/rooms.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[hub.EnvelopeType]bool{}
	used := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)`.*`(\\{.*\\})` \\|$").FindAllSubmatch(page, -1) {
		var e hub.Envelope
		d := json.NewDecoder(bytes.NewReader(row[2]))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			t.Errorf("%s: %v", row[2], err)
		}
		if string(e.Type) != string(row[1]) {
			t.Errorf("in the row of %s: %s", row[1], row[2])
		}
		if sent, err := json.Marshal(e); err != nil || !bytes.Equal(sent, row[2]) {
			t.Errorf("documented: %s\nsent:       %s, %v", row[2], sent, err)
		}
		types[e.Type] = true
		var fields map[string]any
		if err := json.Unmarshal(row[2], &fields); err != nil {
			t.Fatal(err)
		}
		for field := range fields {
			used[field] = true
		}
	}
	for _, typ := range []hub.EnvelopeType{hub.Joined, hub.Message, hub.Gap, hub.Enter, hub.Exit, hub.Ask, hub.Answer} {
		if !types[typ] {
			t.Errorf("%s has no row", typ)
		}
	}
	for field := range reflect.TypeFor[hub.Envelope]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !used[name] {
			t.Errorf("no example has %q", name)
		}
		if !bytes.Contains(page, []byte("\n| `"+name+"` | ")) {
			t.Errorf("the field %q has no row", name)
		}
	}
}
