package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/spoutws/spout/bench/wire"
)

// serveHTTP serves a handler through net/http.
func serveHTTP(ln net.Listener, t *tls.Config, h http.Handler) (stop func(), err error) {
	web := &http.Server{Handler: h, TLSConfig: t, ReadHeaderTimeout: wire.Patience}
	go func() {
		err := error(nil)
		if t != nil {
			err = web.ServeTLS(ln, "", "")
		} else {
			err = web.Serve(ln)
		}
		if err != http.ErrServerClosed {
			log.Print(err)
		}
	}()
	return func() { web.Close() }, nil
}

// certificate makes one for 127.0.0.1, signed by itself.
func certificate() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}, nil
}

// ClientTLS returns how a client trusts a server of that setup; nil: it needs nothing.
func ClientTLS(s Setup) *tls.Config {
	if !s.TLS {
		return nil
	}
	return &tls.Config{InsecureSkipVerify: true}
}
