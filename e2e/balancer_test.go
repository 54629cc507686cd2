package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

// balancer is a proxy before three nodes, with its configuration of examples/deploy.
type balancer struct {
	*proxy        // its address is the one without TLS
	secure string // its address with TLS
	socket string // where HAProxy tells of its nodes
}

// balancers start them all; changes are pairs of what stands in the configuration and what shall
// stand there.
var balancers = []struct {
	name  string
	start func(t *testing.T, c certificate, nodes [3]string, changes ...string) *balancer
}{
	{"nginx", startNginx},
	{"HAProxy", startHAProxy},
}

func startNginx(t *testing.T, c certificate, nodes [3]string, changes ...string) *balancer {
	t.Helper()
	nginx := testenv.Need(t, "nginx")
	b := new(balancer)
	b.proxy = startProxy(t, "", func(host, port string) *exec.Cmd {
		dir := t.TempDir()
		b.secure = freeAddr(t)
		site := configuration(t, "nginx.conf", append([]string{
			"listen 80;", "listen " + net.JoinHostPort(host, port) + ";",
			"listen 443 ssl;", "listen " + b.secure + " ssl;",
			"/etc/ssl/example.com.pem", c.certFile,
			"/etc/ssl/example.com.key", c.keyFile,
			"10.0.0.1:8888", nodes[0], "10.0.0.2:8888", nodes[1], "10.0.0.3:8888", nodes[2],
		}, changes...))
		// What Debian has around it, for one process that belongs to the test.
		var paths strings.Builder
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			fmt.Fprintf(&paths, "%s_temp_path %s/%s;\n", kind, dir, kind)
		}
		write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
access_log off;
%[2]s%[3]s}`, dir, &paths, site))
		return exec.Command(nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	})
	return b
}

func startHAProxy(t *testing.T, c certificate, nodes [3]string, changes ...string) *balancer {
	t.Helper()
	haproxy := testenv.Need(t, "haproxy")
	b := new(balancer)
	b.proxy = startProxy(t, "", func(host, port string) *exec.Cmd {
		dir := shortDir(t)
		b.secure = freeAddr(t)
		b.socket = filepath.Join(dir, "admin.sock")
		file := filepath.Join(dir, "haproxy.cfg")
		write(t, file, configuration(t, "haproxy.cfg", append([]string{
			"/run/haproxy/admin.sock", b.socket,
			"bind :80", "bind " + net.JoinHostPort(host, port),
			"bind :443", "bind " + b.secure,
			"/etc/haproxy/example.com.pem", pair(t, c),
			"10.0.0.1:8888", nodes[0], "10.0.0.2:8888", nodes[1], "10.0.0.3:8888", nodes[2],
		}, changes...)))
		return exec.Command(haproxy, "-db", "-f", file)
	})
	return b
}

// admin has HAProxy carry out a command and returns what it prints.
func (b *balancer) admin(t *testing.T, command string) string {
	t.Helper()
	nc, err := net.Dial("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(nc, command); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// stat returns what HAProxy tells of a frontend or backend, or of a server of one.
func (b *balancer) stat(t *testing.T, proxy, server, column string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(b.admin(t, "show stat"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(rows[0], column)
	for _, row := range rows {
		if i >= 0 && row[0] == proxy && row[1] == server {
			return row[i]
		}
	}
	t.Fatalf("HAProxy tells no %s of %s/%s", column, proxy, server)
	return ""
}

// configuration returns a file of examples/deploy with changes, each of which must find its place.
func configuration(t *testing.T, name string, changes []string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../examples/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	config := string(b)
	for i := 0; i < len(changes); i += 2 {
		if n := strings.Count(config, changes[i]); n != 1 {
			t.Fatalf("%s has %q %d times, want it once", name, changes[i], n)
		}
		config = strings.Replace(config, changes[i], changes[i+1], 1)
	}
	return config
}

// pair writes certificate and key into one file, as HAProxy wants them.
func pair(t *testing.T, c certificate) string {
	t.Helper()
	var both bytes.Buffer
	for _, file := range []string{c.certFile, c.keyFile} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		both.Write(b)
	}
	file := filepath.Join(t.TempDir(), "pair.pem")
	write(t, file, both.String())
	return file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// node is a server of this process, which HAProxy can check.
type node struct {
	spout.Server
	addr  string
	asked atomic.Int64 // for a WebSocket
	mux   *http.ServeMux
}

func startNode(t *testing.T) *node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{addr: ln.Addr().String(), mux: http.NewServeMux()}
	n.mux.HandleFunc("/{$}", func(http.ResponseWriter, *http.Request) {})
	echo := n.HandlerFunc(sendBack)
	n.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		n.asked.Add(1)
		echo.ServeHTTP(w, r)
	})
	serveHTTP(t, ln, n.mux)
	return n
}

// TestBalancedOrigin has pages connect through the balancers to a server with its default check of
// their origin, which knows nothing of the TLS that ends before it.
func TestBalancedOrigin(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	n := startNode(t)
	nodes := [3]string{n.addr, n.addr, n.addr}
	for _, proxy := range balancers {
		t.Run(proxy.name, func(t *testing.T) {
			b := proxy.start(t, c, nodes)
			_, port, _ := net.SplitHostPort(b.addr)
			_, securePort, _ := net.SplitHostPort(b.secure)
			for _, page := range []struct {
				name, url, origin string
				refused           bool
			}{
				{"no page", "ws://" + b.addr, "", false},
				{"its own", "ws://" + b.addr, "http://" + b.addr, false},
				{"another port", "ws://" + b.addr, "http://" + b.secure, true},
				{"another host", "ws://" + b.addr, "http://evil.example:" + port, true},
				{"the node's", "ws://" + b.addr, "http://" + n.addr, true},
				{"no page, with TLS", "wss://" + b.secure, "", false},
				{"its own, with TLS", "wss://" + b.secure, "https://" + b.secure, false},
				{"its own by name, with TLS", "wss://localhost:" + securePort, "https://localhost:" + securePort, false},
				{"another name, with TLS", "wss://localhost:" + securePort, "https://" + b.secure, true},
				{"another port, with TLS", "wss://" + b.secure, "https://" + b.addr, true},
				{"no port, with TLS", "wss://" + b.secure, "https://127.0.0.1", true},
				{"another host, with TLS", "wss://" + b.secure, "https://evil.example:" + securePort, true},
				{"host as prefix, with TLS", "wss://" + b.secure, "https://127.0.0.1.evil.example:" + securePort, true},
				{"the node's, with TLS", "wss://" + b.secure, "https://" + n.addr, true},
				{"no origin, with TLS", "wss://" + b.secure, "null", true},
			} {
				t.Run(page.name, func(t *testing.T) {
					wantOrigin(t, c, "", page.url, page.origin, page.refused)
				})
			}
			// On the port of the scheme, which neither header names.
			t.Run("no port", func(t *testing.T) {
				wantOrigin(t, c, b.addr, "ws://localhost", "http://localhost", false)
				wantOrigin(t, c, b.addr, "ws://localhost", "http://localhost:"+port, true)
			})
			t.Run("no port, with TLS", func(t *testing.T) {
				wantOrigin(t, c, b.secure, "wss://localhost", "https://localhost", false)
				wantOrigin(t, c, b.secure, "wss://localhost", "https://example.com", true)
				// The node knows nothing of the TLS, so the page may have none; README.md tells.
				wantOrigin(t, c, b.secure, "wss://localhost", "http://localhost", false)
			})
		})
	}
}

// TestNginxHost shows what nginx does to a page's own origin if it is not told which Host to pass on:
// by default the name of the upstream, and with $host a name without the port.
func TestNginxHost(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	n := startNode(t)
	const line = "proxy_set_header Host $http_host;"
	for _, other := range []struct {
		name, line                string
		refused, refusedWithoutIt bool // the page, and one on the port of its scheme
	}{
		{"no line", "", true, true},
		{"$host", "proxy_set_header Host $host;", true, false},
	} {
		t.Run(other.name, func(t *testing.T) {
			b := startNginx(t, c, [3]string{n.addr, n.addr, n.addr}, line, other.line)
			wantOrigin(t, c, "", "wss://"+b.secure, "", false)
			wantOrigin(t, c, "", "wss://"+b.secure, "https://"+b.secure, other.refused)
			wantOrigin(t, c, b.secure, "wss://localhost", "https://localhost", other.refusedWithoutIt)
		})
	}
}

// wantOrigin converses as a page of that origin would, or wants to be refused. at is where to connect,
// if that is not what the URL says.
func wantOrigin(t *testing.T, c certificate, at, url, origin string, refused bool) {
	t.Helper()
	d := visitor(t, c, at)
	if origin != "" {
		d.Header = http.Header{"Origin": {origin}}
	}
	err := converse(t.Context(), d, url+"/ws")
	var answer *spout.HandshakeError
	switch {
	case !refused && err != nil:
		t.Errorf("origin %q at %s: %v", origin, url, err)
	case refused && (!errors.As(err, &answer) || answer.Status != http.StatusForbidden):
		t.Errorf("origin %q at %s: %v, want 403", origin, url, err)
	}
}

// visitor is a client that trusts the certificate. at is where it connects, if that is not what the
// URL says.
func visitor(t *testing.T, c certificate, at string) *spout.Dialer {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool}}
	if at != "" {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, at)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &spout.Dialer{Client: &http.Client{Transport: transport}}
}

// TestBalancedDraining shows that no client sees the 503 of a node that shuts down, though it still
// listens and answers HAProxy's checks.
func TestBalancedDraining(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	for _, proxy := range balancers {
		t.Run(proxy.name, func(t *testing.T) {
			nodes := [3]*node{startNode(t), startNode(t), startNode(t)}
			b := proxy.start(t, c, [3]string{nodes[0].addr, nodes[1].addr, nodes[2].addr})
			if err := nodes[0].Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 30 {
				if err := converse(t.Context(), visitor(t, c, ""), "ws://"+b.addr+"/ws"); err != nil {
					t.Error(err)
				}
			}
			if n := nodes[0].asked.Load(); n == 0 {
				t.Error("the node that shuts down was never asked")
			}
		})
	}
}

// TestHAProxyDrain empties a node by hand: what is open goes on, and nobody new comes.
func TestHAProxyDrain(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	nodes := [3]*node{startNode(t), startNode(t), startNode(t)}
	b := startHAProxy(t, c, [3]string{nodes[0].addr, nodes[1].addr, nodes[2].addr})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var conns []*spout.Conn
	for range nodes {
		conn, err := visitor(t, c, "").Dial(ctx, "ws://"+b.addr+"/ws")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		conns = append(conns, conn)
	}
	if out := b.admin(t, "set server spout/node1 state drain"); strings.TrimSpace(out) != "" {
		t.Fatal(out)
	}
	for range 10 {
		if err := converse(ctx, visitor(t, c, ""), "ws://"+b.addr+"/ws"); err != nil {
			t.Error(err)
		}
	}
	for i, conn := range conns {
		if err := conn.Write(ctx, spout.Text("still there")); err != nil {
			t.Fatal(err)
		}
		if m, err := conn.Read(ctx); err != nil || m.String() != "still there" {
			t.Errorf("connection %d: %q, %v", i, m, err)
		}
	}
	if n := nodes[0].asked.Load(); n != 1 {
		t.Errorf("the node was asked %d times, want once, before it was to be empty", n)
	}
}

// TestBalancedTimeouts shows that pings keep a quiet connection from the timeouts of the balancers: when
// they end one without pings, one that is older and has them lives.
func TestBalancedTimeouts(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	n := startNode(t)
	quick := spout.Server{Options: spout.Options{PingInterval: 200 * time.Millisecond}}
	never := spout.Server{Options: spout.Options{PingInterval: -1}}
	n.mux.Handle("/quick", quick.HandlerFunc(sendBack))
	n.mux.Handle("/never", never.HandlerFunc(sendBack))
	changes := map[string][]string{
		"nginx":   {"proxy_read_timeout 60s", "proxy_read_timeout 2s"},
		"HAProxy": {"timeout tunnel 60s", "timeout tunnel 2s"},
	}
	for _, proxy := range balancers {
		t.Run(proxy.name, func(t *testing.T) {
			t.Parallel()
			b := proxy.start(t, c, [3]string{n.addr, n.addr, n.addr}, changes[proxy.name]...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			dial := func(path string) *spout.Conn {
				d := visitor(t, c, "")
				d.PingInterval = -1
				conn, err := d.Dial(ctx, "ws://"+b.addr+path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.CloseNow() })
				return conn
			}
			lively, dull := dial("/quick"), dial("/never")
			if _, err := dull.Read(ctx); spout.CloseCode(err) != spout.CloseAbnormal {
				t.Errorf("without pings it ended with %v, want 1006", err)
			}
			if err := lively.Write(ctx, spout.Text("still there")); err != nil {
				t.Fatal(err)
			}
			if m, err := lively.Read(ctx); err != nil || m.String() != "still there" {
				t.Errorf("with pings: %q, %v", m, err)
			}
		})
	}
}
