package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/conformance"
)

// echoServer serves f until the test ends and returns its WebSocket URL.
func echoServer(t *testing.T, f spout.HandlerFunc) string {
	t.Helper()
	var srv spout.Server
	ts := httptest.NewServer(srv.HandlerFunc(f))
	t.Cleanup(func() {
		srv.Shutdown(context.Background())
		ts.Close()
	})
	return "ws" + strings.TrimPrefix(ts.URL, "http")
}

func sendBack(c *spout.Conn, m spout.Message) error { return c.Send(m) }

// almostEcho makes binary of the text "Hello".
func almostEcho(c *spout.Conn, m spout.Message) error {
	if m.String() == "Hello" {
		m = spout.Binary(m.Data)
	}
	return c.Send(m)
}

func check(args ...string) result {
	var stdout, stderr bytes.Buffer
	status := runCheck(context.Background(), args, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

var took = regexp.MustCompile(`in \d+\.\d s`)

func TestCheckReport(t *testing.T) {
	url := echoServer(t, almostEcho)
	got := check(url, "--run", `^framing/(example|text-1|long-form-5-in-16)$|^fragmentation/two$`)
	want := `FAIL framing/example: The RFC's masked "Hello"
  a text message of 5 bytes was echoed as a binary message of 5 bytes
  RFC 6455, 5.7: 0x81 0x85 0x37 0xfa 0x21 0x3d 0x7f 0x9f 0x4d 0x51 0x58 (contains "Hello")
    > 0000  81 85 37 fa 21 3d 7f 9f 4d 51 58                 ..7.!=..MQX
    < 0000  82 05 48 65 6c 6c 6f                             ..Hello

FAIL fragmentation/two: Text in two fragments
  a text message of 5 bytes was echoed as a binary message of 5 bytes
  RFC 6455, 5.4: Clients and servers MUST support receiving both fragmented and unfragmented messages.
    > 0000  01 83 37 fa 21 3d 7f 9f 4d 80 82 37 fa 21 3d 5b  ..7.!=..M..7.!=[
    > 0010  95                                               .
    < 0000  82 05 48 65 6c 6c 6f                             ..Hello

family          cases   pass  lenient   fail  unsupported
framing             3      2        0      1            0
fragmentation       1      0        0      1            0
all                 4      2        0      2            0

` + url + `: 2 passed, 0 lenient, 2 failed, 0 unsupported, in TIME
`
	if text := took.ReplaceAllString(got.stdout, "in TIME"); text != want || got.stderr != "" || got.status != exitError {
		t.Errorf("status %d, stderr %q, stdout\n%s\nwant\n%s", got.status, got.stderr, text, want)
	}
}

func TestCheckPasses(t *testing.T) {
	got := check("-v", "--parallel", "2", "--timeout", "20s", "--run", "^close/", echoServer(t, sendBack))
	if got.status != exitOK || got.stderr != "" || strings.Contains(got.stdout, "FAIL") || !strings.HasPrefix(got.stdout, "family") {
		t.Errorf("%+v", got)
	}
}

func TestCheckJSON(t *testing.T) {
	url := echoServer(t, almostEcho)
	got := check("--json", "-", "--run", "^framing/(example|text-1)$", url)
	if got.status != exitError || got.stderr != "" {
		t.Errorf("status %d, stderr %q", got.status, got.stderr)
	}
	var report checkRun
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatal(err)
	}
	total := conformance.Total{Pass: 1, Fail: 1}
	if report.URL != url || report.Total != total || report.Families[conformance.Framing] != total || len(report.Results) != 2 {
		t.Fatalf("%+v", report)
	}
	r := report.Results[0]
	if r.ID != "framing/example" || r.Verdict != conformance.Fail || r.Reason == "" || r.Rule.Section != "5.7" ||
		len(r.Exchange) != 2 || string(r.Exchange[1].Data) != "\x82\x05Hello" || r.Exchange[1].Length != 7 {
		t.Errorf("%+v", r)
	}
	if r := report.Results[1]; r.Verdict != conformance.Pass || r.Reason != "" || r.Broken != nil {
		t.Errorf("%+v", r)
	}
}

func TestCheckTLS(t *testing.T) {
	var srv spout.Server
	ts := httptest.NewUnstartedServer(srv.HandlerFunc(sendBack))
	ts.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshake that fails
	ts.StartTLS()
	defer ts.Close()
	url := "wss" + strings.TrimPrefix(ts.URL, "https")
	if got := check(url, "--run", "text-1$"); got.status != exitUnjudged || !strings.Contains(got.stderr, "certificate") {
		t.Errorf("without -k: %+v", got)
	}
	if got := check(url, "--run", "text-1$", "-k"); got.status != exitOK || got.stderr != "" {
		t.Errorf("with -k: %+v", got)
	}
}

func TestCheckList(t *testing.T) {
	got := check("--list")
	if n := strings.Count(got.stdout, "\n"); got.status != exitOK || n != len(conformance.Cases()) {
		t.Errorf("status %d, %d lines", got.status, n)
	}
	one := check("--list", "--run", "^framing/example$")
	if !regexp.MustCompile(`^framing/example +5\.7 +The RFC's masked "Hello"\n$`).MatchString(one.stdout) {
		t.Errorf("%q", one.stdout)
	}
}

// What can't be judged gets one line and the status 2.
func TestCheckRefusals(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "ws://" + ln.Addr().String()
	ln.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	shout := echoServer(t, func(c *spout.Conn, m spout.Message) error { return c.Send(spout.Text(strings.ToUpper(m.String()))) })
	for _, v := range []struct {
		name string
		args []string
		want string
	}{
		{"no URL", nil, "URL of an echo server is missing"},
		{"two URLs", []string{nobody, nobody}, "one server"},
		{"unknown flag", []string{nobody, "--nope"}, "-nope"},
		{"http", []string{"http://127.0.0.1"}, "ws:// or wss://"},
		{"no host", []string{"ws://"}, "no host"},
		{"bad expression", []string{nobody, "--run", "("}, "missing closing )"},
		{"no case", []string{nobody, "--run", "^nothing$"}, "no case matches"},
		{"bad timeout", []string{nobody, "--timeout", "0s"}, "above 0"},
		{"bad parallel", []string{nobody, "--parallel", "0"}, "above 0"},
		{"nobody there", []string{nobody}, "connection refused"},
		{"no WebSocket", []string{"ws" + strings.TrimPrefix(plain.URL, "http")}, "404 Not Found"},
		{"no echo", []string{shout}, "no echo server"},
	} {
		t.Run(v.name, func(t *testing.T) {
			got := check(v.args...)
			if got.status != exitUnjudged || got.stdout != "" || !strings.HasPrefix(got.stderr, "spout check: ") ||
				strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, v.want) {
				t.Errorf("%+v, want %q", got, v.want)
			}
		})
	}
}

func TestCheckInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := echoServer(t, func(c *spout.Conn, m spout.Message) error {
		if m.String() == "Hello" {
			cancel()
		}
		return c.Send(m)
	})
	var stdout, stderr bytes.Buffer
	status := runCheck(ctx, []string{url}, &stdout, &stderr)
	if status != exitUnjudged || stdout.Len() > 0 || stderr.String() != "spout check: interrupted\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, &stdout, &stderr)
	}
}

func TestCheckHelp(t *testing.T) {
	got := check("--help")
	if got.status != exitOK || got.stdout != checkHelp || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	explained := regexp.MustCompile(`(?m)^  (--?[a-z]+)`).FindAllStringSubmatch(checkHelp, -1)
	if len(explained) != 13 {
		t.Errorf("%d flags are explained, want 13", len(explained))
	}
	values := map[string]string{
		"--run": "x", "--timeout": "1s", "--parallel": "1", "--html": "report.html", "--json": "run.json",
		"--listen": "127.0.0.1:0", "--exec": "client {url}", "--pid": "1",
		"--compare": writeRun(t, &checkRun{subject: subject{Role: roleServer}, Results: []checkResult{}}),
	}
	for _, match := range explained {
		args := []string{match[1], "ws://localhost"}
		if v, ok := values[match[1]]; ok {
			args = []string{match[1], v, "ws://localhost"}
		}
		switch match[1] {
		case "--listen":
			args = args[:2]
		case "--exec":
			args = append(args[:2], "--listen", "127.0.0.1:0")
		}
		if _, err := parseCheck(args); err != nil {
			t.Errorf("%s: %v", match[1], err)
		}
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := &progress{w: &b, cases: 3}
	p.add(conformance.Result{Verdict: conformance.Pass})
	p.add(conformance.Result{Verdict: conformance.Fail})
	p.add(conformance.Result{Verdict: conformance.Lenient})
	p.clear()
	want := "\r[##########....................] 1/3  0 lenient, 0 failed" +
		"\r[####################..........] 2/3  0 lenient, 1 failed" +
		"\r[##############################] 3/3  1 lenient, 1 failed\r\x1b[K"
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []interface{ Write([]byte) (int, error) }{&b, file} {
		if p := newProgress(w, 3); p.w != nil {
			t.Errorf("%T is taken for a terminal", w)
		}
	}
}
