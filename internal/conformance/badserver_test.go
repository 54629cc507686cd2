package conformance

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// badServer has misbehave do what it will with each connection, until the test ends, and returns
// the server's URL.
func badServer(t *testing.T, misbehave func(conn net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				misbehave(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return "ws://" + ln.Addr().String() + "/echo"
}

// accepting answers every request with 101, and calls then.
func accepting(then func(conn net.Conn, r *bufio.Reader)) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		key := req.Header.Get("Sec-Websocket-Key")
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+acceptFor(key)+"\r\n\r\n")
		then(conn, r)
	}
}

// echoing is what a reference does with a connection.
func echoing(conn net.Conn, r *bufio.Reader) { new(reference).speak(conn, r, nil) }

// answersAll answers one request of a connection after the other, as HTTP allows where each was
// understood. It opens a WebSocket for a plain one.
func answersAll(conn net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		key := req.Header.Get("Sec-Websocket-Key")
		if req.Method == "GET" && key != smuggledKey && len(req.TransferEncoding) == 0 {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Accept: "+acceptFor(key)+"\r\n\r\n")
			echoing(conn, r)
			return
		}
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	}
}

// deliversCut echoes the payload of one frame, of which it takes what there is for the whole.
func deliversCut(conn net.Conn, r *bufio.Reader) {
	head, err := r.Peek(2)
	if err != nil || head[1]&0x7f >= 126 {
		echoing(conn, r)
		return
	}
	frame := make([]byte, 6+int(head[1]&0x7f))
	n, _ := io.ReadFull(r, frame)
	for i := 6; i < n; i++ {
		frame[i] ^= frame[2+i%4^2] // the key begins at 2, the payload at 6
	}
	if n >= 6 {
		conn.Write(newFrame(opText, bytes.ToValidUTF8(frame[6:n], nil)).unmasked().bytes())
	}
	if n == len(frame) {
		echoing(conn, r)
	}
}

// staysOpen takes all that comes, and never ends a connection.
func staysOpen(conn net.Conn, r *bufio.Reader) {
	ref := new(reference)
	code := ref.frames(conn, r, nil)
	if code > 0 {
		ref.send(conn, newFrame(opClose, closeBody(uint16(min(code, 1004)), "")))
	}
	io.Copy(io.Discard, r)
}

// Each hostile family notices a server that does what it is about.
func TestHostileFamiliesFail(t *testing.T) {
	once := make(chan struct{}, 1)
	once <- struct{}{}
	for _, v := range []struct {
		name, match string
		serve       func(net.Conn, *bufio.Reader)
		verdict     Verdict
		reason      string
	}{
		{"accepts anything", "^smuggling/behind-version$", accepting(echoing), Fail, "the server accepted it"},
		{"second request answered", "^smuggling/behind-post$", answersAll, Lenient, "what stood behind it was answered"},
		{"two framings, kept alive", "^smuggling/length-and-chunked$", answersAll, Fail, "was answered as well"},
		{"reads a header for ever", "^smuggling/endless-field$", func(conn net.Conn, r *bufio.Reader) {
			if r.Peek(1); r.Buffered() > 1000 { // what is asked of it otherwise is shorter
				io.Copy(io.Discard, r)
			}
			accepting(echoing)(conn, r)
		}, Lenient, "reads on"},
		{"top bit taken", "^lengths/top-bit-8000000000000000$", accepting(func(conn net.Conn, r *bufio.Reader) {
			if head, err := r.Peek(10); err == nil && head[2] == 0x80 {
				io.Copy(io.Discard, r)
			}
			echoing(conn, r)
		}), Fail, "did not refuse"},
		{"dies of a length", "^lengths/claim-7fffffffffffffff$", accepting(func(conn net.Conn, r *bufio.Reader) {
			if head, err := r.Peek(10); err == nil && head[2] == 0x7f {
				<-once // what is left of the server answers nobody
				return
			}
			if len(once) == 1 {
				echoing(conn, r)
			}
		}), Fail, "afterwards"},
		{"pings for pongs", "^floods/pongs$", accepting(func(conn net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }), Fail, ""},
		{"all Close frames answered", "^floods/closes$", accepting(func(conn net.Conn, r *bufio.Reader) {
			conn.Write(append(newFrame(opClose, closeBody(1000, "")).unmasked().bytes(), text("more").unmasked().bytes()...))
			io.Copy(io.Discard, r)
		}), Fail, "after its Close frame"},
		{"loses a dripped frame", "^pace/drip-message$", accepting(func(conn net.Conn, r *bufio.Reader) {
			r.ReadByte()
			echoing(conn, r)
		}), Fail, ""},
		{"no deadline for a frame", "^pace/half-frame$", accepting(echoing), Lenient, "still waits"},
		{"no deadline for a request", "^half-handshake/half$", accepting(echoing), Lenient, "50 of 50 are still open"},
		{"closing never ends", "^hangs/closed-then-silence$", accepting(staysOpen), Fail, "did not end"},
		{"failing never ends", "^hangs/failed-then-messages$", accepting(staysOpen), Fail, "did not end"},
		{"cut message delivered", "^truncation/text-fin$", accepting(deliversCut), Fail, "though the stream was cut after byte"},
		{"cut request accepted", "^truncation/handshake-fin$", func(conn net.Conn, r *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		}, Fail, "accepted the first"},
		{"no pong", "^effort/pongs-empty$", accepting(func(conn net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }), Fail, "in place of the answer"},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			k, err := New(Config{URL: badServer(t, v.serve), Timeout: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			k.patience = 200 * time.Millisecond
			results, err := k.Run(t.Context(), casesNamed(t, v.match), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := results[0]; r.Verdict != v.verdict || !strings.Contains(r.Reason, v.reason) {
				t.Errorf("%s: %s, want %s: %s\n%s", r.Verdict, r.Reason, v.verdict, v.reason, r.Exchange)
			}
		})
	}
}
