package spout_test

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

// written returns how many write system calls this process has made.
func written(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		testenv.Missing(t, "the kernel does not count system calls: %v", err)
	}
	_, rest, _ := strings.Cut(string(b), "syscw: ")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// On a socket, too, the answers to what came in one piece leave in one system call.
func TestAnswersLeaveInOneSystemCall(t *testing.T) {
	p := dialTCP(t, serveTCP(t, echoServer(spout.Options{}))).upgrade("/")
	const rounds, each = 500, 16
	var piece, want []byte
	for range each {
		piece = append(piece, masked(fin|opText, "0123456789")...)
		want = append(want, unmasked(fin|opText, "0123456789")...)
	}
	got := make([]byte, len(want))
	before := written(t)
	for range rounds {
		p.send(piece)
		if _, err := io.ReadFull(p.in, got); err != nil || string(got) != string(want) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	calls := written(t) - before
	t.Logf("%.2f system calls for a piece of %d messages and its answers", float64(calls)/rounds, each)
	// One for the piece and one for its answers; the runtime has its own from time to time.
	if calls > 3*rounds {
		t.Errorf("%d write system calls in %d rounds, want two each", calls, rounds)
	}
	p.finish(1000)
}
