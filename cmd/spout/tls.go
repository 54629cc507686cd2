package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"time"
)

const selfSignedNote = `
The certificate is self-signed, so browsers warn of it. For a wss connection they have nowhere
to show that warning, and the connection just fails: open the page above first and accept the
certificate there. From then on wss connections to the same host and port work.
`

// selfSigned makes a certificate for this machine's own names. It is kept nowhere, and its life is short: whoever accepts
// it should not have to trust it for long.
func selfSigned(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"spout, self-signed"}},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(7 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// httpErrors is where net/http writes what goes wrong. Browsers that refuse a certificate make it write a line for each
// connection that they try; the first is enough.
type httpErrors struct {
	w    io.Writer
	seen atomic.Bool // a failed TLS handshake has been reported
}

func (e *httpErrors) Write(p []byte) (int, error) {
	if !bytes.Contains(p, []byte("TLS handshake error")) {
		return e.w.Write(p)
	}
	if !e.seen.Swap(true) {
		fmt.Fprintf(e.w, "spout: %s (further ones are not shown)\n", bytes.TrimSpace(p))
	}
	return len(p), nil
}
