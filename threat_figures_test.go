package spout_test

import (
	"fmt"
	"testing"
)

// figure logs what a test of a threat has seen, its bound in words, and whether it holds: a line of
// the table that "make hostile" gathers from the logs. It fails no test: a time on real sockets is
// told here and asserted nowhere.
func figure(t testing.TB, holds bool, bound, format string, args ...any) {
	t.Helper()
	verdict := "holds"
	if !holds {
		verdict = "MISSED"
	}
	t.Logf("figure: %s | %s | %s", fmt.Sprintf(format, args...), bound, verdict)
}

// figureAll is figure for a count that must be complete.
func figureAll(t testing.TB, n, of int, what string) {
	t.Helper()
	figure(t, n == of && of > 0, "all", "%d of %d %s", n, of, what)
}

// kB is a number of bytes in words. What shrank has not grown.
func kB(n int64) string { return fmt.Sprintf("%.1f kB", float64(max(n, 0))/1000) }
