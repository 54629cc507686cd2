package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/spoutws/spout"
)

// echo answers each message with itself.
func echo(c *spout.Conn, m spout.Message) error { return c.Send(m) }

// serve serves echo on a free port of the loopback interface.
func serve(o spout.Options, secure bool) (addr string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = ln.Addr().String()
	srv := spout.Server{Options: o}
	if secure {
		cert, err := selfSigned()
		if err != nil {
			return "", nil, err
		}
		ln = srv.Listener(ln, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
	web := &http.Server{Handler: srv.HandlerFunc(echo), ReadHeaderTimeout: patience}
	go web.Serve(ln)
	return addr, func() { web.Close() }, nil
}

// selfSigned returns a certificate that nobody has to trust.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// allocsPerMessage counts what a server over TCP allocates for receiving and
// echoing a message of 128 bytes.
func allocsPerMessage() (result, error) {
	const binary, limit = 0x2, 1
	n, err := allocsPer(frame(binary, 128))
	if err != nil {
		return result{}, err
	}
	return within(n, limit+tolerance, "%.3f (at most %d), 128 bytes echoed over TCP", n, limit)
}

// allocsPerControlFrame counts what a server over TCP allocates for receiving
// a ping and answering it.
func allocsPerControlFrame() (result, error) {
	const ping = 0x9
	n, err := allocsPer(frame(ping, 16))
	if err != nil {
		return result{}, err
	}
	return within(n, tolerance, "%.3f (at most 0), pings answered over TCP", n)
}

// tolerance is for what the runtime itself allocates while it is measured.
const tolerance = 0.01

// allocsPer returns the allocations of a server for each exchange of a request
// and its answer, once everything is warm.
func allocsPer(request []byte) (float64, error) {
	const warm, measured = 1000, 20000
	addr, stop, err := serve(spout.Options{}, false)
	if err != nil {
		return 0, err
	}
	defer stop()
	c, err := connect(addr, "")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := exchange(c, request, warm); err != nil {
		return 0, fmt.Errorf("warming up: %w", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := exchange(c, request, measured); err != nil {
		return 0, err
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / measured, nil
}
