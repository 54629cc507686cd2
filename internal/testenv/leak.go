package testenv

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines and descriptors may take to go after the
// last test has ended.
const patience = 5 * time.Second

// Main runs the tests of a package and exits. It fails when they pass but
// leave a goroutine or a descriptor behind that does not go within 5 seconds;
// it then prints the goroutines' stacks and the descriptors' targets. Idle
// connections of [http.DefaultTransport] are closed first.
//
// Call it from TestMain. Fuzzing runs the test binary as several processes
// tied together with pipes and is not checked. Descriptors are counted where
// /proc/self/fd or /dev/fd lists them.
func Main(m *testing.M) {
	flag.Parse()
	before := snapshot()
	status := m.Run()
	if status == 0 && !fuzzing() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if left := before.leaks(patience); left != "" {
			fmt.Fprintf(os.Stderr, "FAIL: the tests passed, but left behind:\n\n%s\n", left)
			status = 1
		}
	}
	os.Exit(status)
}

// fuzzing reports whether this process coordinates fuzzing or takes part in it.
func fuzzing() bool {
	pattern, worker := flag.Lookup("test.fuzz"), flag.Lookup("test.fuzzworker")
	return pattern != nil && pattern.Value.String() != "" || worker != nil && worker.Value.String() == "true"
}

// state is what a process held at one moment.
type state struct {
	goroutines  map[string]string // header without the state -> stack
	descriptors map[string]string // number -> target
}

// snapshot returns what the process holds now.
func snapshot() state {
	// The runtime opens its poller with the first file that can be polled and
	// keeps it; opening it here makes it part of every snapshot.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	return state{goroutines(), descriptors()}
}

// leaks waits until the process holds no more than before, at most for the
// given time, and describes what is left over: "" for nothing.
func (before state) leaks(wait time.Duration) string {
	deadline := time.Now().Add(wait)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		left, onlyPipes := before.compare()
		if left == "" || time.Now().After(deadline) {
			return left
		}
		if onlyPipes {
			// Package net keeps the pipes of splice(2) in a pool that a
			// collection empties. Otherwise nothing is collected here: it would
			// close forgotten files and so hide them.
			runtime.GC()
		}
		time.Sleep(pause)
	}
}

// compare describes what the process holds beyond before, and tells whether
// pipes are all of it.
func (before state) compare() (left string, onlyPipes bool) {
	var b strings.Builder
	onlyPipes = true
	for id, stack := range goroutines() {
		if _, ok := before.goroutines[id]; !ok {
			fmt.Fprintf(&b, "%s\n\n", stack)
			onlyPipes = false
		}
	}
	for fd, target := range descriptors() {
		if before.descriptors[fd] != target {
			fmt.Fprintf(&b, "descriptor %s: %s\n", fd, target)
			onlyPipes = onlyPipes && strings.HasPrefix(target, "pipe:")
		}
	}
	return b.String(), onlyPipes
}

// goroutines returns the stacks of all goroutines but the caller's and the one
// that package os/signal keeps for ever, by their number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for i, stack := range bytes.Split(buf, []byte("\n\n")) {
		if i == 0 || bytes.Contains(stack, []byte("os/signal.signal_recv")) {
			continue
		}
		id, _, _ := strings.Cut(string(stack), " [")
		all[id] = strings.TrimSpace(string(stack))
	}
	return all
}

// descriptors returns the open descriptors with what they refer to. It is
// empty where the system has no list of them.
func descriptors() map[string]string {
	all := make(map[string]string)
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		d, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(-1)
		own := fmt.Sprint(d.Fd())
		d.Close()
		for _, fd := range names {
			if fd == own {
				continue
			}
			target, err := os.Readlink(filepath.Join(dir, fd))
			if err != nil {
				target = "unknown"
			}
			all[fd] = target
		}
		break
	}
	return all
}
