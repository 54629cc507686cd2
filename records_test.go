package spout_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Types of TLS records, and a message of the handshake (RFC 8446).
const (
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23

	messageKeyUpdate = 24
)

// keyUpdate is the message by which a side changes its key; reply asks the other to do so too.
func keyUpdate(reply byte) []byte { return []byte{messageKeyUpdate, 0, 0, 1, reply} }

// records is a client of TLS 1.3 that crypto/tls leaves after the handshake: from then on the test says
// what is in each record. As a net.Conn it reads and writes data.
type records struct {
	net.Conn
	in, out trafficKeys
	data    []byte // read, of a record
	updates int    // key updates that came
}

// dialRecords connects one.
func dialRecords(t *testing.T, addr string, config *tls.Config) *records {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	var secrets bytes.Buffer
	config = config.Clone()
	config.MinVersion, config.KeyLogWriter = tls.VersionTLS13, &secrets
	tc := tls.Client(&wholeRecords{Conn: nc}, config)
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := tc.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("this machine prefers %s", tls.CipherSuiteName(suite)) // it has no instructions for AES
	}
	r := &records{Conn: nc}
	for line := range strings.Lines(secrets.String()) {
		fields := strings.Fields(line)
		secret, _ := hex.DecodeString(fields[2])
		switch fields[0] {
		case "CLIENT_TRAFFIC_SECRET_0":
			r.out.set(secret)
		case "SERVER_TRAFFIC_SECRET_0":
			r.in.set(secret)
		}
	}
	return r
}

// peer returns a peer over the records.
func (r *records) peer(t *testing.T) *peer { return newPeer(t, r, time.Minute) }

// Write sends data in one record.
func (r *records) Write(p []byte) (int, error) {
	_, err := r.Conn.Write(r.seal(recordApplication, p))
	return len(p), err
}

// seal returns a record.
func (r *records) seal(kind byte, p []byte) []byte {
	header := binary.BigEndian.AppendUint16([]byte{recordApplication, 3, 3}, uint16(len(p)+1+r.out.aead.Overhead()))
	return r.out.aead.Seal(bytes.Clone(header), r.out.nonce(), append(bytes.Clone(p), kind), header)
}

// update sends a key update, and changes the key.
func (r *records) update(reply byte) error {
	_, err := r.Conn.Write(r.seal(recordHandshake, keyUpdate(reply)))
	r.out.next()
	return err
}

// Read reads data. Alerts but the one that tells the end are errors.
func (r *records) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		kind, content, err := r.next()
		switch {
		case err != nil:
			return 0, err
		case kind == recordApplication:
			r.data = content
		case kind == recordAlert && bytes.Equal(content, []byte{1, 0}): // close_notify
			return 0, io.EOF
		case kind == recordAlert:
			return 0, fmt.Errorf("alert %d", content)
		case kind == recordHandshake && content[0] == messageKeyUpdate:
			r.in.next()
			r.updates++
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// next reads a record.
func (r *records) next() (kind byte, content []byte, err error) {
	var header [5]byte
	if _, err := io.ReadFull(r.Conn, header[:]); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(header[3:]))
	if _, err := io.ReadFull(r.Conn, b); err != nil {
		return 0, nil, err
	}
	if b, err = r.in.aead.Open(b[:0], r.in.nonce(), b, header[:]); err != nil {
		return 0, nil, err
	}
	b = bytes.TrimRight(b, "\x00")
	return b[len(b)-1], b[:len(b)-1], nil
}

// trafficKeys protect one direction (RFC 8446, section 7.3).
type trafficKeys struct {
	secret   []byte
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

func (k *trafficKeys) set(secret []byte) {
	block, err := aes.NewCipher(expandLabel(secret, "key", 16))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	*k = trafficKeys{secret: secret, aead: aead, iv: expandLabel(secret, "iv", 12)}
}

func (k *trafficKeys) next() { k.set(expandLabel(k.secret, "traffic upd", sha256.Size)) }

func (k *trafficKeys) nonce() []byte {
	b := make([]byte, 12)
	binary.BigEndian.PutUint64(b[4:], k.sequence)
	k.sequence++
	for i := range b {
		b[i] ^= k.iv[i]
	}
	return b
}

// expandLabel is HKDF-Expand-Label with an empty context (section 7.1).
func expandLabel(secret []byte, label string, n int) []byte {
	info := append([]byte{byte(n >> 8), byte(n), byte(len("tls13 ") + len(label))}, "tls13 "+label...)
	b, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return b
}

// wholeRecords gives its reader no byte of the record after the one that it reads.
type wholeRecords struct {
	net.Conn
	left []byte // of the record
}

func (w *wholeRecords) Read(p []byte) (int, error) {
	if len(w.left) == 0 {
		header := make([]byte, 5)
		if _, err := io.ReadFull(w.Conn, header); err != nil {
			return 0, err
		}
		w.left = append(header, make([]byte, binary.BigEndian.Uint16(header[3:]))...)
		if _, err := io.ReadFull(w.Conn, w.left[len(header):]); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.left)
	w.left = w.left[n:]
	return n, nil
}
