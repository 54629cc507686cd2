package spout_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// proxy is an HTTP and SOCKS5 proxy that knows two places only: example.com:80 and example.com:443.
type proxy struct {
	places map[string]string // what they are in truth
	wg     sync.WaitGroup

	mu  sync.Mutex
	log []string
}

// startProxy runs a proxy until the test ends, with TLS if there is a configuration.
func startProxy(t *testing.T, config *tls.Config, places map[string]string) (p *proxy, addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	p = &proxy{places: places}
	p.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() {
				defer nc.Close()
				p.serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.wg.Wait()
	})
	return p, addr
}

// requests returns what was asked for.
func (p *proxy) requests() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "; ")
}

func (p *proxy) note(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, s)
}

func (p *proxy) serve(nc net.Conn) {
	nc.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(nc)
	if first, err := in.Peek(1); err != nil {
		return
	} else if first[0] == 5 {
		p.socks(nc, in)
		return
	}
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	s := r.Method + " " + r.RequestURI
	if user, password, ok := basicAuth(r.Header.Get("Proxy-Authorization")); ok {
		s += " for " + user + ":" + password
	}
	p.note(s)
	place, ok := p.places[r.RequestURI]
	if r.Method != http.MethodConnect || !ok {
		io.WriteString(nc, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.WriteString(nc, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.pass(nc, in, place)
}

func basicAuth(value string) (user, password string, ok bool) {
	return (&http.Request{Header: http.Header{"Authorization": {value}}}).BasicAuth()
}

// socks is RFC 1928, for a CONNECT to a name without authentication.
func (p *proxy) socks(nc net.Conn, in *bufio.Reader) {
	var b [256]byte
	read := func(n int) []byte { io.ReadFull(in, b[:n]); return b[:n] }
	read(int(read(2)[1]))
	nc.Write([]byte{5, 0})
	head := read(5)
	name := "name"
	if head[1] == 1 && head[3] == 3 {
		name = string(read(int(head[4])))
	}
	port := binary.BigEndian.Uint16(read(2))
	addr := name + ":" + map[uint16]string{80: "80", 443: "443"}[port]
	p.note("SOCKS " + addr)
	if p.places[addr] != "" {
		nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		p.pass(nc, in, p.places[addr])
	}
}

// pass passes bytes on in both directions until either ends.
func (p *proxy) pass(nc net.Conn, in io.Reader, place string) {
	to, err := net.Dial("tcp", place)
	if err != nil {
		return
	}
	defer to.Close()
	p.wg.Go(func() {
		io.Copy(to, in)
		to.(*net.TCPConn).CloseWrite()
	})
	io.Copy(nc, to)
}

// backends are an echo server on TCP and one on TLS, as the places of a proxy; the requests that they
// get go to seen.
func backends(t *testing.T, seen func(*http.Request)) (places map[string]string, server, client *tls.Config) {
	echo := echoServer(spout.Options{}).Handler
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		echo.ServeHTTP(w, r)
	})
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = ""
	return map[string]string{
		"example.com:80":  serveTCP(t, &http.Server{Handler: h}),
		"example.com:443": s.Listener.Addr().String(),
	}, &tls.Config{Certificates: s.TLS.Certificates}, client
}

// Through an HTTP proxy, one that speaks TLS, and a SOCKS5 one, ws and wss alike: the proxy is asked
// for a tunnel, and sees nothing else.
func TestDialThroughProxy(t *testing.T) {
	places, serverTLS, clientTLS := backends(t, func(r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the server was told what the proxy's password is")
		}
	})
	for _, test := range []struct{ scheme, user, want string }{
		{"http", "", "CONNECT example.com:80; CONNECT example.com:443"},
		{"http", "me:secret@", "CONNECT example.com:80 for me:secret; CONNECT example.com:443 for me:secret"},
		{"https", "", "CONNECT example.com:80; CONNECT example.com:443"},
		{"socks5", "", "SOCKS example.com:80; SOCKS example.com:443"},
	} {
		t.Run(test.scheme+" "+test.user, func(t *testing.T) {
			config := serverTLS
			if test.scheme != "https" {
				config = nil
			}
			p, addr := startProxy(t, config, places)
			u, err := url.Parse(test.scheme + "://" + test.user + addr)
			if err != nil {
				t.Fatal(err)
			}
			d := spout.Dialer{Client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: clientTLS}}}
			for _, target := range []string{"ws://example.com/a", "wss://example.com/b"} {
				c, err := d.Dial(t.Context(), target)
				echoes(t, c, err)
			}
			if got := p.requests(); got != test.want {
				t.Errorf("the proxy was asked: %s\nwant: %s", got, test.want)
			}
		})
	}
}

// A proxy that refuses is named in the error.
func TestDialRefusedByProxy(t *testing.T) {
	_, addr := startProxy(t, nil, nil)
	d := spout.Dialer{Client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr})}}}
	for _, target := range []string{"ws://example.com/", "wss://example.com/"} {
		if _, err := d.Dial(t.Context(), target); err == nil || !strings.Contains(err.Error(), "Proxy Authentication Required") {
			t.Errorf("%s: %v", target, err)
		}
	}
	broken := errors.New("no idea")
	d.Client.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, broken }}
	if _, err := d.Dial(t.Context(), "ws://example.com/"); !errors.Is(err, broken) {
		t.Errorf("Proxy that fails: %v", err)
	}
}

// dialVar tells this test, run in a process of its own, what to dial.
const dialVar = "SPOUT_TEST_DIAL"

// Without a Client the proxy of the environment is asked.
func TestDialThroughEnvironmentProxy(t *testing.T) {
	if target := os.Getenv(dialVar); target != "" {
		c, err := spout.Dial(t.Context(), target)
		echoes(t, c, err)
		return
	}
	places, _, _ := backends(t, func(*http.Request) {})
	p, addr := startProxy(t, nil, places)
	cmd := exec.Command(os.Args[0], "-test.run=^TestDialThroughEnvironmentProxy$")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, dialVar+"=ws://example.com/", "HTTP_PROXY=http://"+addr)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if got := p.requests(); got != "CONNECT example.com:80" {
		t.Errorf("the proxy was asked: %s", got)
	}
}
