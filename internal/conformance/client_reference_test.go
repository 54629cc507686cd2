package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// referenceClient is an echo client that passes every case: the reference at the other end. Its
// fields break it.
type referenceClient struct {
	reference
	request  func(string) string // changes its handshake
	nonce    string              // its key, every time
	trusting bool                // takes every answer for an upgrade
	headless bool                // takes what comes for frames at once
	hasty    bool                // does not wait for the answer
	follows  bool                // follows redirects, with the same handshake
	patient  bool                // never gives up, and never closes of itself
	lax      bool                // takes masked frames
	delivers bool                // echoes what has come of a message when the connection ends
	keys     func(i int) [4]byte // its masking keys; nil: random ones

	frames int
	over   <-chan struct{} // closed when it must end, patient or not
}

// mask masks a frame.
func (c *referenceClient) mask(f frame) frame {
	var key [4]byte
	rand.Read(key[:])
	if c.keys != nil {
		key = c.keys(c.frames)
	}
	c.frames++
	return f.keyed(key)
}

func (c *referenceClient) takesMasked() bool { return c != nil && c.lax }

// cut hears of the end of the connection.
func (c *referenceClient) cut(ref *reference, conn net.Conn, op byte, message []byte) {
	if c == nil {
		return
	}
	if c.delivers && op != 0 {
		ref.send(conn, newFrame(op, message))
	}
	if c.patient {
		<-c.over
	}
}

var errAnswer = errors.New("the answer opens no connection")

// dial connects to a URL and echoes until the connection ends.
func (c referenceClient) dial(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	key := c.nonce
	if key == "" {
		nonce := make([]byte, 16)
		rand.Read(nonce)
		key = base64.StdEncoding.EncodeToString(nonce)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if !c.patient {
		conn.SetDeadline(time.Now().Add(10 * time.Second))
	}
	request := "GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: " + offerAll + "\r\n\r\n"
	if c.request != nil {
		request = c.request(request)
	}
	io.WriteString(conn, request)
	c.client, c.over = &c, ctx.Done()
	if c.hasty {
		c.send(conn, text("hasty"))
	}
	r := bufio.NewReader(conn)
	var d *deflation
	if !c.headless {
		fields, location, err := c.answer(r, key)
		if location != "" && c.follows {
			c.nonce = key
			return c.dial(ctx, location)
		}
		if err != nil && !c.trusting {
			return err
		}
		if d, err = agreedBy(fields); err != nil && !c.trusting {
			return err
		}
	}
	conn.SetDeadline(time.Time{})
	c.speak(conn, r, d)
	return nil
}

// finalHead reads the head of the answer behind all interim responses, which count together.
func finalHead(r *bufio.Reader) (lines []string, err error) {
	var head []byte
	for range largestHeader {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		head = append(head, b)
		whole, ended := bytes.CutSuffix(head, []byte("\r\n\r\n"))
		if !ended {
			continue
		}
		if lines := strings.Split(string(whole), "\r\n"); !strings.HasPrefix(lines[0], "HTTP/1.1 100") && !strings.HasPrefix(lines[0], "HTTP/1.1 103") {
			return lines, nil
		}
		head = head[:0]
	}
	return nil, errAnswer
}

// answer reads the server's, and judges all but the extensions.
func (c *referenceClient) answer(r *bufio.Reader, key string) (fields []field, location string, err error) {
	lines, err := finalHead(r)
	if err != nil {
		return nil, "", errAnswer
	}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		if !ok || name == "" {
			return nil, "", errAnswer
		}
		fields = append(fields, field{name, strings.Trim(value, " \t")})
	}
	if l := valuesOf(fields, "Location"); len(l) == 1 {
		location = l[0]
	}
	upgrade, accept := valuesOf(fields, "Upgrade"), valuesOf(fields, "Sec-WebSocket-Accept")
	switch {
	case !strings.HasPrefix(lines[0], "HTTP/1.1 101 "), len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket"),
		!hasFold(elements(fields, "Connection"), "upgrade"), len(accept) != 1 || accept[0] != acceptFor(key),
		len(valuesOf(fields, "Sec-WebSocket-Protocol")) > 0:
		return fields, location, errAnswer
	}
	return fields, location, nil
}

// agreedBy is what the extensions of an answer say.
func agreedBy(fields []field) (*deflation, error) {
	p, bad := judgeDeflate([]string{offerAll}, valuesOf(fields, "Sec-WebSocket-Extensions"))
	if bad != nil {
		return nil, errAnswer
	}
	if p == nil {
		return nil, nil
	}
	return &deflation{
		deflateParams: *p,
		in:            inflater{window: window(p.serverBits), forgets: p.serverNoTakeover, limit: refLimit},
		out:           deflater{window: window(p.clientBits), forgets: p.clientNoTakeover},
	}, nil
}

// countingKeys are keys that count.
func countingKeys(i int) (key [4]byte) {
	binary.BigEndian.PutUint32(key[:], 0x12345678+uint32(i)*0x01010101)
	return key
}

// askClient asks clients like c the cases whose id matches; atOnce is how many
// connect at a time, but for those that do little but wait.
func askClient(t *testing.T, c referenceClient, match func(string) bool, atOnce int, timeout time.Duration) []Result {
	t.Helper()
	k, err := Listen(ClientConfig{Addr: "127.0.0.1:0", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	var cases []Case
	for _, c := range ClientCases() {
		if match(c.ID) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		t.Fatal("no case matches")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var wg sync.WaitGroup
		defer wg.Wait()
		connect := func(one Case) { c.dial(ctx, k.caseURL(k.main, one.Number()).String()) }
		for _, one := range cases {
			if one.waits {
				wg.Go(func() { connect(one) })
			}
		}
		free := make(chan struct{}, atOnce)
		for _, one := range cases {
			if one.waits {
				continue
			}
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				connect(one)
			})
		}
	}()
	results, err := k.Run(ctx, cases, nil)
	cancel()
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	return results
}
