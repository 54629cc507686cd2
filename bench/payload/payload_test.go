package payload

import (
	"bytes"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestSeries holds that messages have their size, differ, and are the same in every run.
func TestSeries(t *testing.T) {
	for _, kind := range []Kind{JSON, Chat, Noise} {
		for _, n := range []int{0, 1, 16, 64, 128, 512, 10_000} {
			a, b := kind.Series(n, 2), kind.Series(n, 2)
			for i := range a {
				if len(a[i]) != n || !bytes.Equal(a[i], b[i]) {
					t.Errorf("%s of %d bytes, message %d: %d bytes, the same again: %t", kind.Name, n, i, len(a[i]), bytes.Equal(a[i], b[i]))
				}
			}
			if n >= 64 && bytes.Equal(a[0], a[1]) {
				t.Errorf("%s of %d bytes: two messages are equal", kind.Name, n)
			}
		}
	}
}
