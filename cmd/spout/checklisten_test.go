package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/conformance"
	"github.com/spoutws/spout/internal/testenv"
)

// asClient, set in the environment, makes the test binary a client under test, of the kind named.
const asClient = "SPOUT_TEST_AS_CLIENT"

// beClient is the client of a kind that the command line's URL is given to.
func beClient(kind, url string) int {
	ctx := context.Background()
	if kind == "crash" {
		fmt.Fprintln(os.Stderr, "first line\nout of order")
		return 3
	}
	c, err := spout.Dial(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var held []byte
	err = c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		if kind == "fat" && held == nil {
			held = make([]byte, 200<<20)
			for i := 0; i < len(held); i += 4096 {
				held[i] = 1
			}
		}
		if kind == "fat" {
			return nil
		}
		return c.Send(m)
	}))
	if kind == "stuck" {
		time.Sleep(time.Hour)
	}
	runtime.KeepAlive(held)
	fmt.Fprintln(os.Stderr, err)
	return 0
}

// clientCommand is what --exec gets to start a client of a kind.
func clientCommand(t *testing.T, kind string) string {
	t.Helper()
	testenv.Need(t, "env")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`env %s=%s '%s' {url}`, asClient, kind, path)
}

func TestCheckClients(t *testing.T) {
	command := clientCommand(t, "echo")
	got := check("--listen", "127.0.0.1:0", "--exec", command, "--run", `^(request|framing)/|^refusals/accept-|^truncation/first`)
	if got.status != exitOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "family") || !strings.Contains(got.stdout, "env "+asClient+"=echo") {
		t.Errorf("%+v", got)
	}
}

// What a process does beside its connection is judged, too, and told.
func TestCheckClientProcesses(t *testing.T) {
	for _, v := range []struct {
		kind, run string
		status    int
		want      []string
	}{
		{"crash", "^framing/example$", exitError, []string{"FAIL framing/example", "the client ended: exit status 3, and it had not connected", "* stderr: out of order"}},
		{"stuck", "^framing/example$", exitOK, []string{"LENIENT framing/example", "still running 1 s after its connection had ended", "signal: killed"}},
		{"echo", "^refusals/accept-missing$", exitOK, []string{"1 passed"}},
	} {
		t.Run(v.kind, func(t *testing.T) {
			got := check("--listen", "127.0.0.1:0", "--exec", clientCommand(t, v.kind), "--run", v.run, "--timeout", "1s", "-v")
			if got.status != v.status {
				t.Errorf("status %d, want %d", got.status, v.status)
			}
			for _, w := range v.want {
				if !strings.Contains(got.stdout, w) {
					t.Errorf("%q is not in\n%s", w, got.stdout)
				}
			}
		})
	}
}

// A client that takes memory for what is sent to it fails the cases of attacks.
func TestCheckClientMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the memory of another process is read on Linux only")
	}
	got := check("--listen", "127.0.0.1:0", "--exec", clientCommand(t, "fat"), "--run", "^floods/messages-unread$")
	if got.status != exitError || !regexp.MustCompile(`memory \d+\.?\d* MiB \(at most 64\)`).MatchString(got.stdout) {
		t.Errorf("%+v", got)
	}
}

// Without --exec the URL is told, and clients come by themselves, in this process.
func TestCheckAwaitsClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stderr, told := io.Pipe()
	var stdout strings.Builder
	status := make(chan int)
	go func() {
		status <- runCheck(ctx, []string{"--listen", "127.0.0.1:0", "--run", "^utf8/(valid|binary)", "--json", "-"}, &stdout, told)
	}()
	line := make([]byte, 200)
	n, err := stderr.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, stderr)
	url := regexp.MustCompile(`ws://\S+/`).FindString(string(line[:n]))
	cases := 0
	for _, c := range conformance.ClientCases() {
		if regexp.MustCompile("^utf8/(valid|binary)").MatchString(c.ID) {
			cases++
		}
	}
	if !strings.Contains(string(line[:n]), fmt.Sprintf("%d cases wait at ", cases)) {
		t.Errorf("%q, want %d cases", line[:n], cases)
	}
	for range cases {
		c, err := spout.Dial(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Send(m) != nil {
				break
			}
		}
		c.CloseNow()
	}
	if got := <-status; got != exitOK {
		t.Errorf("status %d\n%s", got, &stdout)
	}
	told.Close()
	var run checkRun
	if err := json.Unmarshal([]byte(stdout.String()), &run); err != nil {
		t.Fatal(err)
	}
	if run.Role != roleClient || run.URL != url || run.Total.Pass != cases {
		t.Errorf("%+v %+v", run.subject, run.Total)
	}
}

func TestCheckListsClientCases(t *testing.T) {
	got := check("--list", "--listen", "127.0.0.1:0", "--run", "^request/line$")
	if want := regexp.MustCompile(`^ +1 request/line +4\.1 +The handshake is a GET of HTTP/1\.1\n$`); got.status != exitOK || !want.MatchString(got.stdout) {
		t.Errorf("%+v", got)
	}
}

func TestCheckListenRefusals(t *testing.T) {
	for _, v := range []struct {
		name string
		args []string
		want string
	}{
		{"exec alone", []string{"--exec", "client {url}", "ws://127.0.0.1:1"}, "--listen"},
		{"a server, too", []string{"--listen", "127.0.0.1:0", "ws://127.0.0.1:1"}, "no server is checked"},
		{"no address", []string{"--listen", "nonsense", "--exec", "client {url}"}, "missing port"},
		{"no URL in the command", []string{"--listen", "127.0.0.1:0", "--exec", "client"}, "{url}"},
		{"no command", []string{"--listen", "127.0.0.1:0", "--exec", " "}, "empty"},
		{"open quote", []string{"--listen", "127.0.0.1:0", "--exec", "client '{url}"}, "no end"},
	} {
		got := check(v.args...)
		if got.status != exitUnjudged || got.stdout != "" || !strings.HasPrefix(got.stderr, "spout check: ") || !strings.Contains(got.stderr, v.want) {
			t.Errorf("%s: %+v, want %q", v.name, got, v.want)
		}
	}
}

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		"client {url}":                   {"client", "{url}"},
		"  a\tb  ":                       {"a", "b"},
		`'two words' "and 'three' more"`: {"two words", "and 'three' more"},
		`--url='{url}' ""`:               {"--url={url}", ""},
		`back\slash`:                     {`back\slash`},
	} {
		if got, err := splitCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
}
