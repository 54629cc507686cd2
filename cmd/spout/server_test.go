package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// testServer is a server on a port of the kernel's choice, with a client that trusts it.
type testServer struct {
	*server
	t         *testing.T
	transport *http.Transport
	stop      context.CancelFunc
	stopped   chan error
	stderr    *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func startServer(t *testing.T, cfg config) *testServer {
	t.Helper()
	cfg.addr = "127.0.0.1:0"
	if cfg.maxMessage == 0 {
		cfg.maxMessage = defaultMaxMessage
	}
	stderr := new(lockedBuffer)
	ln, err := cfg.listen()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(&cfg, ln, stderr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ts := &testServer{server: s, t: t, transport: &http.Transport{}, stop: stop, stopped: make(chan error, 1), stderr: stderr}
	if s.tlsConfig != nil {
		pool := x509.NewCertPool()
		for _, cert := range s.tlsConfig.Certificates {
			leaf, err := x509.ParseCertificate(cert.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			pool.AddCert(leaf)
		}
		ts.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	go func() { ts.stopped <- s.run(ctx, io.Discard) }()
	t.Cleanup(func() {
		ts.transport.CloseIdleConnections()
		stop()
		if err := <-ts.stopped; err != nil {
			t.Error(err)
		}
	})
	return ts
}

// address is the WebSocket address of a path.
func (s *testServer) address(path string) string {
	return "ws" + strings.TrimPrefix(strings.TrimSuffix(s.url(), "/"), "http") + path
}

// dial connects to a path, as a page of that origin if there is one.
func (s *testServer) dial(path, origin string) (*spout.Conn, error) {
	d := spout.Dialer{Client: &http.Client{Transport: s.transport}, Options: spout.Options{MessageLimit: 64 << 20}}
	if origin != "" {
		d.Header = http.Header{"Origin": {origin}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return d.Dial(ctx, s.address(path))
}

func (s *testServer) mustDial(t *testing.T, path string) *spout.Conn {
	t.Helper()
	c, err := s.dial(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// read returns the next message.
func read(t *testing.T, c *spout.Conn) spout.Message {
	t.Helper()
	m, err := readOrEnd(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readOrEnd(c *spout.Conn) (spout.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Read(ctx)
}

// readClose returns how the connection ended; no message may come before.
func readClose(t *testing.T, c *spout.Conn) *spout.CloseError {
	t.Helper()
	m, err := readOrEnd(c)
	closed, ok := errors.AsType[*spout.CloseError](err)
	if !ok {
		t.Fatalf("read %q, %v; want a close", m.Data, err)
	}
	return closed
}

func TestOrigins(t *testing.T) {
	tests := []struct {
		name   string
		cfg    config
		origin func(port string) string
		ok     bool
	}{
		{"no page", config{}, func(string) string { return "" }, true},
		{"the server's own", config{}, func(port string) string { return "http://127.0.0.1:" + port }, true},
		{"another port", config{}, func(string) string { return "http://127.0.0.1:1" }, false},
		{"another name", config{}, func(port string) string { return "http://localhost:" + port }, false},
		{"demo: localhost", config{loopbackOrigins: true}, func(port string) string { return "http://localhost:" + port }, true},
		{"demo: ::1", config{loopbackOrigins: true}, func(port string) string { return "http://[::1]:" + port }, true},
		{"demo: another port", config{loopbackOrigins: true}, func(string) string { return "http://localhost:1" }, false},
		{"demo: elsewhere", config{loopbackOrigins: true}, func(port string) string { return "http://example.com:" + port }, false},
		{"allowed", config{origins: []string{"https://*.example.com"}}, func(string) string { return "https://a.example.com" }, true},
		{"not allowed", config{origins: []string{"https://*.example.com"}}, func(string) string { return "https://evil-example.com" }, false},
		{"anybody", config{origins: []string{"*"}}, func(string) string { return "https://evil.example" }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, tt.cfg)
			_, port, _ := net.SplitHostPort(s.listener.Addr().String())
			c, err := s.dial("/ws/echo", tt.origin(port))
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				c.CloseNow()
				return
			}
			if refused, ok := errors.AsType[*spout.HandshakeError](err); !ok || refused.Status != http.StatusForbidden {
				t.Errorf("dialled with %v, want a refusal with 403", err)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	for name, content := range map[string]string{
		filepath.Join(dir, "index.html"): "<title>mine</title>", filepath.Join(dir, "a.txt"): "text", filepath.Join(outside, "secret"): "secret",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	linked := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link")) == nil

	s := startServer(t, config{dir: dir})
	if resp, body := s.get("/"); resp.StatusCode != http.StatusOK || body != "<title>mine</title>" {
		t.Errorf("/: %s %q", resp.Status, body)
	}
	if resp, body := s.get("/a.txt"); resp.StatusCode != http.StatusOK || body != "text" {
		t.Errorf("/a.txt: %s %q", resp.Status, body)
	}
	if resp, _ := s.get("/b.txt"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("/b.txt: %s", resp.Status)
	}
	if resp, body := s.get("/ws/"); resp.StatusCode != http.StatusOK || !strings.Contains(body, `id="panel-echo"`) {
		t.Errorf("/ws/: %s, not the page", resp.Status)
	}
	if linked {
		if resp, body := s.get("/link"); resp.StatusCode == http.StatusOK {
			t.Errorf("a link leads out of the directory: %s %q", resp.Status, body)
		}
	}
	c := s.mustDial(t, "/ws/echo")
	if err := c.Send(spout.Text("beside files")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c).String(); got != "beside files" {
		t.Errorf("got %q", got)
	}
}

func TestSelfSigned(t *testing.T) {
	s := startServer(t, config{selfSigned: true})
	if !strings.HasPrefix(s.url(), "https://127.0.0.1:") {
		t.Fatalf("the server is at %s", s.url())
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if c, err := spout.Dial(ctx, s.address("/ws/echo")); err == nil {
			t.Error("a client that does not know the certificate is connected")
			c.CloseNow()
		} else if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			t.Errorf("dialled with %v, want a certificate that is not known", err)
		}
		cancel()
	}
	c := s.mustDial(t, "/websocket")
	if err := c.Send(spout.Text("hello")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c).String(); got != "You said: hello" {
		t.Errorf("got %q", got)
	}
	if resp, _ := s.get("/"); resp.TLS == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/: %s", resp.Status)
	}

	leaf, err := x509.ParseCertificate(s.tlsConfig.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 8*24*time.Hour {
		t.Errorf("the certificate lives for %v", life)
	}
	if leaf.IsCA {
		t.Error("the certificate could sign others")
	}
	s.stop() // what clients caused has been written when the server has stopped
	err = <-s.stopped
	s.stopped <- err
	if got := s.stderr.String(); strings.Count(got, "\n") > 1 {
		t.Errorf("three refused certificates made the server write:\n%s", got)
	}
}

func TestHTTPErrors(t *testing.T) {
	var out bytes.Buffer
	w := &httpErrors{w: &out}
	for _, line := range []string{
		"http: TLS handshake error from 127.0.0.1:1: remote error: tls: unknown certificate\n",
		"http: TLS handshake error from 127.0.0.1:2: EOF\n",
		"http: something else\n",
		"http: TLS handshake error from 127.0.0.1:3: EOF\n",
	} {
		if n, err := io.WriteString(w, line); n != len(line) || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	}
	want := "spout: http: TLS handshake error from 127.0.0.1:1: remote error: tls: unknown certificate (further ones are not shown)\nhttp: something else\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestCertificateFiles(t *testing.T) {
	made, err := selfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := config{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
	for name, block := range map[string]*pem.Block{
		cfg.certFile: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, cfg.keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := startServer(t, cfg).mustDial(t, "/ws/echo")
	if err := c.Send(spout.Binary([]byte{0, 255})); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); got.Type != spout.BinaryMessage || string(got.Data) != "\x00\xff" {
		t.Errorf("got %v %x", got.Type, got.Data)
	}
}

// process is the command, running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr *lockedBuffer
	ended  chan error
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send to another process")
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), stderr: new(lockedBuffer), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asCommand+"=1")
	p.cmd.Stderr = p.stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = w
	p.out = bufio.NewReader(r)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.SetReadDeadline(time.Now().Add(3 * patience))
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		r.Close()
	})
	return p
}

// until reads what the process prints, up to and with the line that has a match, and returns it and the match.
func (p *process) until(pattern string) (printed, match string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		line, err := p.out.ReadString('\n')
		printed += line
		if match := re.FindString(line); match != "" {
			return printed, match
		}
		if err != nil {
			p.t.Fatalf("no %q in what it printed: %v\n%s\n%s", pattern, err, printed, p.stderr)
		}
	}
}

func (p *process) signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// wait returns the exit status of the process, -1 if a signal ended it.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("it does not end\n%s", p.stderr)
		return 0
	}
}

func dialProcess(t *testing.T, url, path string) *spout.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := spout.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func TestSignalsDrain(t *testing.T) {
	for name, sig := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, "serve", "--addr", "127.0.0.1:0")
			_, url := p.until(`http://[0-9.:]+`)
			echo := dialProcess(t, url, "/ws/echo")
			chat := dialProcess(t, url, "/ws/chat/lobby?name=Ada&position=")
			read(t, chat) // who is there
			read(t, chat) // that it has come itself
			p.signal(sig)
			for _, c := range []*spout.Conn{echo, chat} {
				if closed := readClose(t, c); closed.Code != spout.CloseServiceRestart || !closed.Remote {
					t.Errorf("closed with %v, want 1012 from the server", closed)
				}
			}
			if status := p.wait(); status != exitOK {
				t.Errorf("exit status %d, want 0", status)
			}
			if p.stderr.String() != "" {
				t.Errorf("stderr %q, want nothing", p.stderr)
			}
		})
	}
}

// TestSecondSignal has a peer that does not answer the close frame, for which the first signal waits.
func TestSecondSignal(t *testing.T) {
	p := startProcess(t, "serve", "--addr", "127.0.0.1:0")
	_, url := p.until(`http://[0-9.:]+`)
	peer, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	peer.SetDeadline(time.Now().Add(patience))
	io.WriteString(peer, "GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(peer), nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v, %v", resp, err)
	}
	p.signal(syscall.SIGTERM)
	p.until("stopping")
	p.signal(syscall.SIGTERM)
	if status := p.wait(); status != -1 {
		t.Errorf("exit status %d, want the signal to end it", status)
	}
}

// TestDemo runs the command without a verb's name, as most people will: one URL, the page behind it, and the seed's program.
func TestDemo(t *testing.T) {
	p := startProcess(t, "--addr", "127.0.0.1:0")
	printed, url := p.until(`http://[0-9.:]+`)
	rest, _ := p.until("Ctrl-C")
	if n := strings.Count(printed+rest, "://"); n != 1 {
		t.Errorf("it printed %d URLs, want 1:\n%s%s", n, printed, rest)
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(body, []byte("<title>spout</title>")) {
		t.Errorf("no page at %s: %v", url, err)
	}
	c := dialProcess(t, url, "/websocket")
	if err := c.Send(spout.Text("Hello, world")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c).String(); got != "You said: Hello, world" {
		t.Errorf("got %q", got)
	}
	p.signal(syscall.SIGTERM)
	if status := p.wait(); status != exitOK {
		t.Errorf("exit status %d, want 0", status)
	}
}
