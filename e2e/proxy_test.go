package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

// TestProxies dials our server through proxies that others wrote.
func TestProxies(t *testing.T) {
	t.Parallel()
	plain := echoServer(t, nil)
	c := newCertificate(t)
	secure := echoServer(t, &tls.Config{Certificates: []tls.Certificate{c.pair}})

	tiny := startTinyproxy(t, "")
	locked := startTinyproxy(t, "BasicAuth ada lovelace")
	socks := startMicrosocks(t)
	lockedSocks := startMicrosocks(t, "-u", "ada", "-P", "lovelace")
	https := startTLSFront(t, tiny.addr, c)

	ada := url.UserPassword("ada", "lovelace")
	for _, p := range []struct {
		name string
		url  url.URL
		via  *proxy
	}{
		{"HTTP", url.URL{Scheme: "http", Host: tiny.addr}, tiny},
		{"HTTP with a password", url.URL{Scheme: "http", Host: locked.addr, User: ada}, locked},
		{"HTTPS", url.URL{Scheme: "https", Host: https}, tiny},
		{"SOCKS5", url.URL{Scheme: "socks5", Host: socks.addr}, socks},
		{"SOCKS5 with a password", url.URL{Scheme: "socks5", Host: lockedSocks.addr, User: ada}, lockedSocks},
	} {
		for _, server := range []string{plain, secure} {
			t.Run(p.name+" to "+scheme(server == secure), func(t *testing.T) {
				before := strings.Count(p.via.said.String(), p.via.mark)
				d := spout.Dialer{Client: through(t, &p.url, c)}
				if err := converse(t.Context(), &d, server); err != nil {
					t.Fatal(err)
				}
				if after := strings.Count(p.via.said.String(), p.via.mark); after <= before {
					t.Errorf("the proxy has not seen the connection; it said:\n%s", p.via.said)
				}
			})
		}
	}

	t.Run("HTTP without the password", func(t *testing.T) {
		for _, server := range []string{plain, secure} {
			d := spout.Dialer{Client: through(t, &url.URL{Scheme: "http", Host: locked.addr}, c)}
			_, err := d.Dial(t.Context(), server)
			if err == nil || !strings.Contains(err.Error(), "Proxy Authentication Required") {
				t.Errorf("Dial %s = %v, want what the proxy said", server, err)
			}
		}
	})
	t.Run("HTTP that is not there", func(t *testing.T) {
		d := spout.Dialer{Client: through(t, &url.URL{Scheme: "http", Host: freeAddr(t)}, c)}
		_, err := d.Dial(t.Context(), plain)
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Errorf("Dial = %v, want a *net.OpError", err)
		}
	})
	t.Run("from the environment", func(t *testing.T) { testProxyFromEnvironment(t, tiny, plain) })
}

// TestUnixSocket dials a server that listens on a unix socket.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "ws")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveEcho(t, ln)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	d := spout.Dialer{Client: &http.Client{Transport: transport}}
	if err := converse(t.Context(), &d, "ws://any.name/"); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a directory for sockets: t.TempDir may be too long for the address of one.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spout")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// converse dials, sends messages of several sizes, wants them back, and closes.
func converse(ctx context.Context, d *spout.Dialer, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := d.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	for _, p := range []payload{text("hello", 1), binary([]byte{0xff}, 1000), binary([]byte("0123"), 1<<18)} {
		if err := c.Write(ctx, p.message()); err != nil {
			return err
		}
		m, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if got, want := arrival(m.Type, m.Data), message(p.typ, p.data()); !got.equal(want) {
			return fmt.Errorf("got %v, want %v", got, want)
		}
	}
	if err := c.Close(spout.CloseNormal, "done"); err != nil {
		return err
	}
	if _, err := c.Read(ctx); spout.CloseCode(err) != spout.CloseNormal {
		return fmt.Errorf("the connection ended with %v, want 1000", err)
	}
	return nil
}

// echoServer runs our server on loopback and returns its address.
func echoServer(t *testing.T, config *tls.Config) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	serveEcho(t, ln)
	return scheme(config != nil) + "://" + addr
}

func sendBack(c *spout.Conn, m spout.Message) error { return c.Send(m) }

// serveEcho serves an echo on the listener until the end of the test.
func serveEcho(t *testing.T, ln net.Listener) {
	var srv spout.Server
	serveHTTP(t, ln, srv.HandlerFunc(sendBack))
}

// serveHTTP serves on the listener until the end of the test.
func serveHTTP(t *testing.T, ln net.Listener, handler http.Handler) {
	h := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() {
		h.Serve(ln)
		close(done)
	}()
	t.Cleanup(func() {
		h.Close()
		<-done
	})
}

// through is a client that goes through the proxy and trusts the certificate.
func through(t *testing.T, proxy *url.URL, c certificate) *http.Client {
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: c.pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// proxy is a running proxy.
type proxy struct {
	*child
	addr string
	mark string // what it says of each connection
}

// startTinyproxy runs an HTTP proxy with an additional line of configuration.
func startTinyproxy(t *testing.T, line string) *proxy {
	t.Helper()
	tinyproxy := testenv.Need(t, "tinyproxy")
	return startProxy(t, "CONNECT 127.0.0.1:", func(host, port string) *exec.Cmd {
		config := filepath.Join(t.TempDir(), "tinyproxy.conf")
		lines := fmt.Sprintf("Listen %s\nPort %s\nAllow 127.0.0.1\nLogLevel Info\nMaxClients 20\n%s\n", host, port, line)
		if err := os.WriteFile(config, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(tinyproxy, "-d", "-c", config)
	})
}

// startMicrosocks runs a SOCKS5 proxy.
func startMicrosocks(t *testing.T, args ...string) *proxy {
	t.Helper()
	microsocks := testenv.Need(t, "microsocks")
	return startProxy(t, "connected to 127.0.0.1:", func(host, port string) *exec.Cmd {
		return exec.Command(microsocks, append([]string{"-i", host, "-p", port}, args...)...)
	})
}

// startProxy runs a proxy that must be told its port, and returns when it
// accepts connections. The port may be taken by somebody else before the proxy
// has it; then another is tried.
func startProxy(t *testing.T, mark string, command func(host, port string) *exec.Cmd) *proxy {
	t.Helper()
	for range 3 {
		addr := freeAddr(t)
		host, port, _ := net.SplitHostPort(addr)
		p := &proxy{start(t, command(host, port)), addr, mark}
		go p.drain()
		if p.accepts() {
			return p
		}
	}
	t.Fatal("the proxy does not start")
	return nil
}

// accepts waits until the proxy accepts connections or has ended.
func (p *proxy) accepts() bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return true
		}
		select {
		case <-p.done:
			return false
		case <-time.After(5 * time.Millisecond): // it does not say when it is ready
		}
	}
	return false
}

// freeAddr returns an address of loopback where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// startTLSFront makes an HTTPS proxy of an HTTP proxy and returns its address.
func startTLSFront(t *testing.T, proxy string, c certificate) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			front, err := ln.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", proxy)
			if err != nil {
				front.Close()
				continue
			}
			go relay(front, back)
			go relay(back, front)
		}
	}()
	return ln.Addr().String()
}

// relay copies until either side ends, and then ends both.
func relay(dst, src net.Conn) {
	io.Copy(dst, src)
	dst.Close()
	src.Close()
}

// proxiedURL tells the test's own binary, run again, where to dial.
const proxiedURL = "SPOUT_E2E_DIAL"

// testProxyFromEnvironment runs the test's binary again, because a process
// looks at the variables once.
func testProxyFromEnvironment(t *testing.T, via *proxy, server string) {
	// Proxies are not used for localhost and 127.0.0.1; 0.0.0.0 leads there too.
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server, "ws://"))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HTTP_PROXY=http://"+via.addr, "NO_PROXY=", "no_proxy=", proxiedURL+"=ws://0.0.0.0:"+port)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "CONNECT 0.0.0.0:" + port; !strings.Contains(via.said.String(), want) {
		t.Errorf("the proxy has not seen %q; it said:\n%s", want, via.said)
	}
}
