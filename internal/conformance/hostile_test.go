package conformance

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// attack asks the server at url hostile cases with little patience but time enough.
func attack(t *testing.T, url string, match string) []Result {
	t.Helper()
	k, err := New(Config{URL: url, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	k.patience = 700 * time.Millisecond
	re := regexp.MustCompile(match)
	results, err := k.Run(t.Context(), slices.DeleteFunc(Cases(), func(c Case) bool { return !re.MatchString(c.ID) }), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatalf("no case matches %s", match)
	}
	return results
}

// deadlines matches the cases that a server passes which gives peers up in time.
const deadlines = "^half-handshake/|^pace/(first-byte|half-header|half-frame|endless-drip|never-reads)$"

// Every hostile case can be passed: a plain server passes it, or one with deadlines.
func TestReferencePassesHostile(t *testing.T) {
	for _, v := range []struct {
		name string
		ref  reference
		asks func(id string) bool
	}{
		{"without deadlines", reference{}, func(id string) bool { return !regexp.MustCompile(deadlines).MatchString(id) }},
		{"with deadlines", reference{patience: 2 * time.Second}, regexp.MustCompile(deadlines).MatchString},
	} {
		t.Run(v.name, func(t *testing.T) {
			var ids []string
			for _, c := range Cases() {
				if c.Family.Hostile() && c.Family != Bombs && v.asks(c.ID) {
					ids = append(ids, c.ID)
				}
			}
			for _, r := range attack(t, v.ref.start(t), "^("+strings.Join(ids, "|")+")$") {
				if r.Verdict != Pass {
					t.Errorf("%s %s: %s\n%s", r.Verdict, r.ID, r.Reason, r.Exchange)
				}
				if r.Duration > 3*time.Second {
					t.Log(r.ID, r.Duration)
				}
			}
		})
	}
}
