// Package peers starts WebSocket echo servers that this project did not write, for tests of
// conformance and interoperability.
//
// Every server echoes each message verbatim at the URL that Start returns, takes messages of up
// to 64 MiB, agrees to the subprotocol "echo" and to compression when they are offered, and
// otherwise keeps the defaults of its library. At the path /close/CODE it closes at once with that
// code and the reason "as asked".
package peers

import (
	"bufio"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// Peer is the library behind a server.
type Peer string

// The libraries. Gorilla and Coder run in the test's process, the others in a child.
const (
	Gorilla    Peer = "gorilla"    // github.com/gorilla/websocket
	Coder      Peer = "coder"      // github.com/coder/websocket
	Tornado    Peer = "tornado"    // Debian's python3-tornado
	Websockets Peer = "websockets" // Debian's python3-websockets
	WS         Peer = "ws"         // ws of npm
)

// All lists every peer.
var All = []Peer{Gorilla, Coder, Tornado, Websockets, WS}

// Subprotocol is the one that every peer agrees to.
const Subprotocol = "echo"

const messageLimit = 64 << 20

// Start starts the server of p on a port of loopback that the kernel chooses, and returns its URL
// without a path, as in ws://127.0.0.1:12345. The server ends with the test, and also when the
// test's process dies. What is not installed ends the test as testenv.Missing describes.
func Start(t testing.TB, p Peer) string {
	t.Helper()
	switch p {
	case Gorilla:
		return serve(t, httptest.NewServer(gorillaEcho(messageLimit)))
	case Coder:
		return serve(t, httptest.NewServer(coderEcho(messageLimit)))
	case Tornado, Websockets:
		return run(t, Script(t, p, filepath.Join(sourceDir(), string(p)+"_echo.py")))
	case WS:
		return run(t, Script(t, p, filepath.Join(sourceDir(), "node", "ws_echo.mjs")))
	}
	t.Fatalf("no peer %q", p)
	return ""
}

// Script returns the command that runs a script of Python or node with the library of p, which is
// Tornado, Websockets or WS, in reach. A script for node that lies elsewhere finds the library
// with createRequire(process.env.PEERS_NODE)("ws").
func Script(t testing.TB, p Peer, path string, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{path}, args...)
	if p != WS {
		return exec.Command(testenv.NeedPython(t, string(p)), args...)
	}
	pkg := filepath.Join(sourceDir(), "node")
	if _, err := os.Stat(filepath.Join(pkg, "node_modules", "ws")); err != nil {
		testenv.Missing(t, "the npm package ws is not installed (npm ci --prefix e2e/peers/node installs it)")
	}
	cmd := exec.Command(testenv.Need(t, "node"), args...)
	cmd.Env = append(os.Environ(), "PEERS_NODE="+filepath.Join(pkg, "package.json"))
	return cmd
}

// serve ends ts with the test.
func serve(t testing.TB, ts *httptest.Server) string {
	t.Cleanup(func() {
		ts.CloseClientConnections()
		ts.Close()
	})
	return "ws" + strings.TrimPrefix(ts.URL, "http")
}

// run starts a server in a child, which prints its port as the first line and ends itself when
// its standard input does.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	r := bufio.NewReader(out)
	port, err := r.ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("%s: no port: %v\n%s", cmd, err, log)
	}
	go io.Copy(io.Discard, r)
	return "ws://127.0.0.1:" + strings.TrimSpace(port)
}

// sourceDir is the directory of this file.
func sourceDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}
