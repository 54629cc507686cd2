package spout_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// These tests run in a process of its own, which may have few descriptors. What it is to do is in the
// environment.
const (
	fewVar         = "SPOUT_TEST_FEW_DESCRIPTORS"
	fewDescriptors = 64
)

// TestT27InItsOwnProcess does nothing by itself: the tests below start it.
func TestT27InItsOwnProcess(t *testing.T) {
	if os.Getenv(fewVar) == "" {
		return
	}
	few := syscall.Rlimit{Cur: fewDescriptors, Max: fewDescriptors}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	if url := os.Getenv(fewVar); url != "serve" {
		dialWithoutDescriptors(t, url)
		return
	}
	server := echoServer(spout.Options{})
	server.ErrorLog = log.New(os.Stderr, "", 0)
	fmt.Println("listening on", serveTCP(t, server))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var use syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
			t.Fatal(err)
		}
		fmt.Println("used", time.Duration(use.Utime.Nano()+use.Stime.Nano()).Microseconds())
	}
}

// T27: when a server's descriptors are used up, the connections that it has work on, the HTTP server says
// what is wrong and tries again at intervals, with little CPU; when some connections have gone, those that
// waited are accepted.
func TestT27ServerWithoutDescriptors(t *testing.T) {
	const clients, leaving = fewDescriptors + 20, 35
	cmd := exec.Command(os.Args[0], "-test.run=^TestT27InItsOwnProcess$")
	cmd.Env = append(os.Environ(), fewVar+"=serve")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logs := make(chan string, 1000)
	go func() {
		defer close(logs)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			logs <- lines.Text()
		}
	}()
	answers := bufio.NewReader(stdout)
	var addr string
	if _, err := fmt.Fscanf(answers, "listening on %s\n", &addr); err != nil {
		t.Fatal(err)
	}
	cpu := func() time.Duration {
		var us int64
		fmt.Fprintln(stdin)
		if _, err := fmt.Fscanf(answers, "used %d\n", &us); err != nil {
			t.Fatal(err)
		}
		return time.Duration(us) * time.Microsecond
	}

	first := dialTCP(t, addr).upgrade("/")
	// More than can be accepted: the kernel completes their TCP handshakes by itself.
	upgraded := make(chan *peer, clients)
	for range clients {
		p := dialTCP(t, addr)
		p.send([]byte(request("/")))
		go func() {
			if resp, err := http.ReadResponse(p.in, nil); err == nil && resp.StatusCode == 101 {
				upgraded <- p
			} else {
				upgraded <- nil
			}
		}()
	}
	line, ok := <-logs
	if !ok || !strings.Contains(line, "too many open files") {
		t.Fatalf("the log says %q", line)
	}
	t.Logf("the log says %q", line)

	used, start := cpu(), time.Now()
	more := 0
	for ; more < 8; more++ { // the intervals grow to a second
		first.hello()
		<-logs
	}
	spent, took := cpu()-used, time.Since(start)
	figure(t, spent < took/10, "10%", "without descriptors: %v of CPU in %v, with %d lines in the log", spent.Round(time.Millisecond/10), took.Round(time.Millisecond), more)

	leave := func(p *peer) {
		p.finish(1000)
		p.wantEnd()
		p.nc.Close()
	}
	for range leaving {
		p := <-upgraded
		if p == nil {
			t.Fatal("a client was refused")
		}
		leave(p)
	}
	living := []*peer{first}
	for i := range clients - leaving {
		p := <-upgraded
		if p == nil {
			t.Fatalf("of those that waited, %d were accepted, then one refused", i)
		}
		living = append(living, p)
	}
	t.Logf("%d clients left, %d others live, of %d descriptors", leaving, len(living), fewDescriptors)
	figureAll(t, len(living)-1, clients-leaving, "clients that waited are accepted when others have left")
	for _, p := range living {
		p.hello()
		leave(p)
	}

	stdin.Close()
	io.Copy(io.Discard, answers)
	for range logs {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server process ended with %v", err)
	}
}

// T27: a client without descriptors is told so by Dial, and can dial as soon as it has some again. Where the
// server is named by a host name, the error is that of package net's resolver, which takes a file that it
// can't open for one that is not there: "no such host".
func TestT27ClientWithoutDescriptors(t *testing.T) {
	addr := serveTCP(t, echoServer(spout.Options{}))
	cmd := exec.Command(os.Args[0], "-test.run=^TestT27InItsOwnProcess$", "-test.v")
	cmd.Env = append(os.Environ(), fewVar+"=ws://"+addr)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the client process ended with %v:\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "spout: dial") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func dialWithoutDescriptors(t *testing.T, url string) {
	c, err := spout.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	_, err = spout.Dial(t.Context(), url)
	t.Log(err)
	if !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("Dial without descriptors: %v", err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "ws://"))
	_, err = spout.Dial(t.Context(), "ws://localhost:"+port)
	t.Log("by name:", err)
	if err == nil {
		t.Error("Dial by name succeeds without descriptors")
	}
	// The connection that is there works on.
	if err := c.Send(spout.Text("hello")); err != nil {
		t.Error(err)
	}
	wantMessage(t, c, spout.TextMessage, "hello")
	for _, f := range files {
		f.Close()
	}
	late, err := spout.Dial(t.Context(), url)
	if err != nil {
		t.Fatalf("with descriptors again: %v", err)
	}
	late.CloseNow()
}
