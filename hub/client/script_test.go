package client

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/internal/testenv"
)

func TestServeScript(t *testing.T) {
	get := func(method string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/spout-room.js", nil)
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		ServeScript(w, r)
		return w
	}
	w := get("GET")
	if w.Code != 200 || w.Body.String() != Script || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" ||
		w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	if again := get("GET", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("a browser that has it gets %d and %d bytes", again.Code, again.Body.Len())
	}
	if old := get("GET", "If-None-Match", `"old"`); old.Code != 200 {
		t.Errorf("a browser that has another gets %d", old.Code)
	}
	if head := get("HEAD"); head.Code != 200 || head.Body.Len() > 0 {
		t.Errorf("HEAD gets %d and %d bytes", head.Code, head.Body.Len())
	}
}

func TestScriptIsSmall(t *testing.T) {
	lines := strings.Count(Script, "\n")
	t.Logf("%d lines, %d bytes", lines, len(Script))
	if lines > 200 {
		t.Error("over 200 lines")
	}
	for line := range strings.Lines(Script) {
		if len(line) > 126 {
			t.Errorf("a long line: %s", line)
		}
	}
}

// TestScript runs the script over sockets and a clock of testdata/room.test.mjs.
func TestScript(t *testing.T) {
	node := testenv.Need(t, "node")
	if out, err := exec.Command(node, "--test", "testdata/room.test.mjs").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// told is a line that testdata/live.mjs prints.
type told struct {
	Type      hub.EnvelopeType
	Data      string
	Recovered bool
	Replayed  int
	Code      spout.Code
	Retry     *float64
}

// TestScriptAndServer has the script meet a server of ours.
func TestScriptAndServer(t *testing.T) {
	node := testenv.Need(t, "node")
	ws, err := filepath.Abs("../../e2e/peers/node/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(ws), "node_modules", "ws")); err != nil {
		testenv.Missing(t, "the npm package ws is not installed (npm ci --prefix e2e/peers/node installs it)")
	}
	s := newRoomServer(true)
	ts := httptest.NewServer(s)
	defer ts.Close()
	cmd := exec.Command(node, "testdata/live.mjs", ts.URL+"/rooms/lobby")
	cmd.Env = append(os.Environ(), "PEERS_NODE="+ws)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	lines := bufio.NewScanner(out)
	next := func(typ hub.EnvelopeType) (e told) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("want %s, got an end: %v", typ, lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Type != typ {
			t.Fatalf("want %s, got %s, %v", typ, lines.Bytes(), err)
		}
		return e
	}
	message := func(text string) {
		t.Helper()
		if e := next(hub.Message); e.Data != text {
			t.Fatalf("want the message %q, got %+v", text, e)
		}
	}
	do := func(what ...any) {
		t.Helper()
		if err := json.NewEncoder(in).Encode(what); err != nil {
			t.Fatal(err)
		}
	}

	if e := next(hub.Joined); e.Recovered {
		t.Errorf("%+v", e)
	}
	s.publish(t, "one", "🌊 two")
	message("one")
	message("🌊 two")
	do("send", "three")
	message("three")
	do("ask", "something")
	if e := next(hub.Answer); e.Data != "you asked something" {
		t.Errorf("%+v", e)
	}

	// The page loses its connection on purpose; what comes meanwhile is published when the server knows of that.
	conn := <-s.conns
	do("lose")
	<-conn.Context().Done()
	s.publish(t, "four")
	if e := next("close"); e.Code != spout.CloseNoStatus || e.Retry == nil {
		t.Errorf("%+v", e)
	}
	recovered := next(hub.Joined)
	if !recovered.Recovered || recovered.Replayed > 1 { // or it was back before
		t.Errorf("%+v", recovered)
	}
	message("four")

	conn = <-s.conns
	if m, err := s.asker.Ask(t.Context(), conn, spout.Text("what?")); err != nil || m.String() != "you asked what?" {
		t.Errorf("%q, %v", m, err)
	}
	next(hub.Ask)

	// More is missed than is kept.
	old := s.hub.Load()
	s.hub.Store(&hub.Hub{History: old.History})
	conn.Close(spout.CloseServiceRestart, "")
	if e := next("close"); e.Code != spout.CloseServiceRestart || e.Retry == nil {
		t.Errorf("%+v", e)
	}
	next(hub.Gap)
	if e := next(hub.Joined); e.Recovered {
		t.Errorf("%+v", e)
	}
	s.publish(t, "five")
	message("five")

	(<-s.conns).Close(spout.ClosePolicy, "go away")
	if e := next("close"); e.Code != spout.ClosePolicy || e.Retry != nil {
		t.Errorf("%+v", e)
	}
}
