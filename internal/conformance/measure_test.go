package conformance

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/testenv"
)

// casesNamed returns the cases whose id matches.
func casesNamed(t *testing.T, match string) []Case {
	t.Helper()
	re := regexp.MustCompile(match)
	cases := slices.DeleteFunc(Cases(), func(c Case) bool { return !re.MatchString(c.ID) })
	if len(cases) == 0 {
		t.Fatalf("no case matches %s", match)
	}
	return cases
}

// onLinux ends the test where no /proc tells what a process uses.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "the use of a process is read from /proc, which is Linux's")
	}
}

// The reader sees what this process does.
func TestProcessUsage(t *testing.T) {
	onLinux(t)
	p, err := findProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	read := func() usage {
		u, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	p.resetPeak()
	before := read()
	if before.memory < mib || before.peak < before.memory-mib || before.descriptors < 3 {
		t.Errorf("%+v", before)
	}
	const size = 64 * mib
	held := bytes.Repeat([]byte{1}, size)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	var sum byte
	for read().cpu-before.cpu < 5*clockTick {
		for _, b := range held {
			sum += b
		}
	}
	after := read()
	file.Close()
	if grown := after.memory - before.memory; grown < size/2 {
		t.Errorf("%d bytes more, of %d that are held; %d", grown, size, sum)
	}
	if after.peak-before.memory < size/2 || after.descriptors <= before.descriptors-1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	runtime.KeepAlive(held)
}

func TestProcessUnknown(t *testing.T) {
	if _, err := New(Config{URL: "ws://127.0.0.1:1", PID: 1 << 30}); err == nil || !strings.Contains(err.Error(), "process 1073741824 can't be read") {
		t.Errorf("got %v", err)
	}
}

// A process whose name is written like the fields of the file is read right.
func TestProcessNames(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(dir+"/status", []byte("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"), 0o600)
	os.WriteFile(dir+"/stat", []byte("1 (a) 9 (b)) S 1 1 1 0 -1 1 1 0 0 0 70 30 0 0 20 0\n"), 0o600)
	os.Mkdir(dir+"/fd", 0o700)
	os.WriteFile(dir+"/fd/0", nil, 0o600)
	u, err := (&process{dir: dir}).read()
	if want := (usage{memory: mib, peak: 2 * mib, cpu: time.Second, descriptors: 1}); err != nil || u != want {
		t.Errorf("%+v, %v, want %+v", u, err, want)
	}
	for _, stat := range []string{"", "1 (a) S", "1 (a) S 1 1 1 0 -1 1 1 0 0 0 x 30"} {
		os.WriteFile(dir+"/stat", []byte(stat), 0o600)
		if _, err := (&process{dir: dir}).read(); err == nil {
			t.Errorf("%q was read", stat)
		}
	}
}

// What a server costs decides the verdict, if its process is known. The server is this process, and
// so is the client, which costs little where a case is about memory.
func TestBounds(t *testing.T) {
	onLinux(t)
	var mu sync.Mutex // around what the servers keep
	var held [][]byte // by the server that hoards
	hoards := accepting(func(conn net.Conn, r *bufio.Reader) {
		if head, err := r.Peek(10); err == nil && head[1]&0x7f == 127 {
			mu.Lock()
			held = append(held, bytes.Repeat([]byte{1}, 64*mib))
			mu.Unlock()
			conn.Write(newFrame(opClose, closeBody(1009, "")).unmasked().bytes())
			return
		}
		echoing(conn, r)
	})
	var left []*os.File // by the server that leaks
	leaks := accepting(func(conn net.Conn, r *bufio.Reader) {
		if f, err := os.Open(os.DevNull); err == nil {
			mu.Lock()
			left = append(left, f)
			mu.Unlock()
		}
		echoing(conn, r)
	})
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range left {
			f.Close()
		}
	}()
	for _, v := range []struct {
		name, match string
		serve       func(net.Conn, *bufio.Reader)
		verdict     Verdict
		class       string // of the advice that was not followed
	}{
		{"memory", "^lengths/claim-40000000$", hoards, Fail, "memory"},
		{"descriptors", "^truncation/empty-fin$", leaks, Fail, "descriptors"},
		{"all is well", "^lengths/claim-40000000$|^truncation/empty-fin$", accepting(echoing), Pass, ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			runtime.GC()
			k, err := New(Config{URL: badServer(t, v.serve), PID: os.Getpid(), Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			k.patience = time.Minute // the server needs time to do its worst, and always answers
			results, err := k.Run(t.Context(), casesNamed(t, v.match), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Verdict != v.verdict || r.Broken.Section != v.class {
					t.Errorf("%s %s: %s (%s), want %s (%s)", r.Verdict, r.ID, r.Reason, r.Broken.Section, v.verdict, v.class)
				}
				if r.bounds.memory > 0 && !slices.ContainsFunc(r.Measured, func(f Figure) bool { return f.Name == "memory" && f.Bound > 0 }) {
					t.Errorf("%s measured %v", r.ID, r.Measured)
				}
			}
		})
	}
	runtime.KeepAlive(held)
}

// CPU is judged by what a unit of load costs.
func TestBoundOnCPU(t *testing.T) {
	onLinux(t)
	p, err := findProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	burn := func(frames int) Verdict {
		s := &session{measuring: measuring{process: p}, verdict: Pass}
		s.run(t.Context(), time.Minute, func() {
			s.begin()
			for s.usage().cpu-s.measuring.start.cpu < 3*clockTick {
			}
			s.work(frames)
			s.judge(bounds{frame: time.Millisecond})
		})
		return s.verdict
	}
	if v := burn(3); v != Fail {
		t.Errorf("10 ms for a frame: %s", v)
	}
	if v := burn(1_000_000); v != Pass {
		t.Errorf("30 ns for a frame: %s", v)
	}
}

// Without the process, a bound is not judged, and the case says so.
func TestUnmeasured(t *testing.T) {
	r := attack(t, new(reference).start(t), "^lengths/top-bit-8000000000000000$")[0]
	if r.Verdict != Pass || !slices.ContainsFunc(r.Exchange, func(x Transfer) bool { return x.Text == unmeasured }) {
		t.Errorf("%s: %s\n%s", r.Verdict, r.Reason, r.Exchange)
	}
}

// Hostile cases are for one's own server.
func TestHostileOnLoopbackOnly(t *testing.T) {
	for _, v := range []struct {
		url    string
		remote bool
		want   bool
	}{
		{"ws://127.0.0.1", false, true},
		{"ws://127.1.2.3:80", false, true},
		{"ws://[::1]:80", false, true},
		{"ws://localhost", false, true},
		{"ws://LOCALHOST:80", false, true},
		{"ws://localhost.spout.example", false, false},
		{"ws://127.0.0.1.spout.example", false, false},
		{"ws://192.0.2.1", false, false},
		{"ws://0.0.0.0", false, false},
		{"wss://spout.example", false, false},
		{"wss://spout.example", true, true},
	} {
		k, err := New(Config{URL: v.url, Remote: v.remote})
		if err != nil {
			t.Fatal(err)
		}
		if k.Hostile() != v.want {
			t.Errorf("%s: %v", v.url, k.Hostile())
		}
	}
	k, err := New(Config{URL: "ws://192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Run(t.Context(), casesNamed(t, "^floods/pongs$"), nil); err == nil || !strings.Contains(err.Error(), "not on loopback") {
		t.Errorf("got %v", err)
	}
}

// Cases that look at more than their own connection run alone, after the others: those that measure a
// server, and those that compare the clients which Run starts.
func TestExclusive(t *testing.T) {
	server, err := New(Config{URL: badServer(t, func(conn net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) })})
	if err != nil {
		t.Fatal(err)
	}
	// The test itself is the client, which runs no test and ends.
	client, err := Listen(ClientConfig{Addr: "127.0.0.1:0", Exec: []string{os.Args[0], "-test.run=^$", "{url}"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, run := range map[string]func(context.Context, []Case, func(Result)) ([]Result, error){
		"server": server.Run, "client": client.Run,
	} {
		t.Run(name, func(t *testing.T) {
			var order []string
			note := func(name string) func(*session) {
				return func(*session) { order = append(order, name) }
			}
			cases := []Case{
				{ID: "1", number: 1, script: note("alone"), exclusive: true},
				{ID: "2", number: 2, script: func(*session) {}, waits: true},
				{ID: "3", number: 3, script: note("plain")},
				{ID: "4", number: 4, script: note("alone"), exclusive: true},
			}
			results, err := run(t.Context(), cases, nil)
			if err != nil || len(results) != 4 || results[3].ID != "4" {
				t.Fatalf("%v, %v", results, err)
			}
			if got := strings.Join(order, " "); got != "plain alone alone" {
				t.Errorf("ran %s", got)
			}
		})
	}
}
