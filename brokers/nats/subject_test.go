package natsbroker

import (
	"strings"
	"testing"
)

func TestPrefix(t *testing.T) {
	for prefix, good := range map[string]bool{"spout": true, "a_b-1": true, "": false, "a.b": false, ">": false, "a b": false, "ä": false, strings.Repeat("x", 65): false} {
		if err := checkPrefix(prefix); (err == nil) != good {
			t.Errorf("checkPrefix(%q): %v", prefix, err)
		}
	}
}
