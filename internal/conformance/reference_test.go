package conformance

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// reference is an echo server that passes every case: the RFC's rules one after the other, text
// a byte at a time, for one message after the other, with nothing taken from the library. Its
// fields break it.
type reference struct {
	change    func(out []byte) []byte                // each frame as it is sent; nil is not sent
	mute      bool                                   // drops the connection where it should send a Close frame
	extension func(string) string                    // changes its answer to offers of extensions
	squeeze   func(d *deflation, data []byte) []byte // compresses a message in its own way
	inflate   func(d *deflation, in []byte) []byte   // decompresses a message in its own way; nil: it can't be done
	patience  time.Duration                          // for a request, for a frame, and for the peer to read; 0: for ever
	client    *referenceClient                       // it is the other end
}

// start serves it until the test ends and returns its URL.
func (ref *reference) start(t *testing.T) string {
	ts := httptest.NewUnstartedServer(ref)
	ts.Config.ReadHeaderTimeout = ref.patience
	ts.Start()
	t.Cleanup(ts.Close)
	return "ws" + strings.TrimPrefix(ts.URL, "http") + "/echo"
}

func (ref *reference) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	h := r.Header
	connection := "," + strings.ToLower(strings.Join(h["Connection"], ",")) + ","
	connection = strings.ReplaceAll(strings.ReplaceAll(connection, " ", ""), "\t", "")
	keys := h["Sec-Websocket-Key"]
	origin, err := url.Parse(h.Get("Origin"))
	switch {
	case r.Method != "GET" || r.ProtoMinor != 1 || r.ContentLength != 0 || r.Host == "" || !strings.HasPrefix(r.URL.Path, "/"):
	case strings.ToLower(h.Get("Upgrade")) != "websocket" || !strings.Contains(connection, ",upgrade,"):
	case len(h["Sec-Websocket-Version"]) != 1 || h.Get("Sec-Websocket-Version") != "13":
		w.Header().Set("Sec-Websocket-Version", "13")
	case len(keys) != 1:
	case err != nil || len(h["Origin"]) > 1 || len(h["Origin"]) == 1 && (origin.Host != r.Host || origin.Scheme != "http" || origin.User != nil):
	default:
		key, err := base64.StdEncoding.DecodeString(keys[0])
		if err != nil || len(key) != 16 {
			break
		}
		d, extension := ref.accept(h["Sec-Websocket-Extensions"])
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			extension+"Sec-WebSocket-Accept: "+acceptFor(keys[0])+"\r\n\r\n")
		ref.speak(conn, rw.Reader, d)
		return
	}
	w.WriteHeader(400)
}

// speak echoes until the connection ends, and then closes it so that what was sent arrives.
func (ref *reference) speak(conn net.Conn, r *bufio.Reader, d *deflation) {
	code := ref.frames(conn, r, d)
	if code == 0 || ref.mute {
		return
	}
	var body []byte
	if code != 1005 {
		body = closeBody(uint16(code), "")
	}
	ref.send(conn, newFrame(opClose, body))
	if ref.client == nil {
		conn.(*net.TCPConn).CloseWrite()
	}
	conn.SetReadDeadline(time.Now().Add(lingers))
	io.Copy(io.Discard, io.LimitReader(r, takesAfter))
}

// Once it has sent its Close frame, a reference waits so long for the end, and takes so much that comes before
// it, so that the frame arrives.
const (
	lingers    = 3 * time.Second
	takesAfter = 32 * mib
)

func (ref *reference) send(conn net.Conn, f frame) {
	out := f.unmasked().bytes()
	if ref.client != nil {
		out = ref.client.mask(f).bytes()
	}
	if ref.change != nil {
		out = ref.change(out)
	}
	if ref.patience > 0 {
		conn.SetWriteDeadline(time.Now().Add(ref.patience))
	}
	if _, err := conn.Write(out); err != nil {
		conn.Close()
	}
}

// frames handles frames and returns the code to close with, or 0 when the client has gone.
func (ref *reference) frames(conn net.Conn, r *bufio.Reader, d *deflation) (code int) {
	const limit = refLimit
	var message []byte
	var character []byte // the beginning of one
	var op byte          // of the message under way
	var compressed bool  // is it
	var fragments int    // it has
	keyBytes := 4
	if ref.client != nil {
		keyBytes = 0
	}
	for {
		var head [14]byte
		if ref.patience > 0 {
			conn.SetReadDeadline(time.Time{})
			r.Peek(1)
			conn.SetReadDeadline(time.Now().Add(ref.patience))
		}
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			ref.client.cut(ref, conn, op, message)
			return 0
		}
		fin, rsv, frameOp := head[0] >= 0x80, head[0]&0x70, head[0]&0x0f
		masked, length, more := head[1] >= 0x80, uint64(head[1]&0x7f), 0
		control := frameOp >= 8
		squeezes := rsv == rsv1 && d != nil && (frameOp == opText || frameOp == opBinary)
		switch {
		case rsv != 0 && !squeezes || masked != (keyBytes > 0) && !ref.client.takesMasked():
			return 1002
		case frameOp != opContinuation && frameOp != opText && frameOp != opBinary && frameOp != opClose && frameOp != opPing && frameOp != opPong:
			return 1002
		case control && (!fin || length > 125):
			return 1002
		case !control && (frameOp == opContinuation) != (op != 0):
			return 1002
		}
		if length >= 126 {
			more = int(length-126)*6 + 2
		}
		if masked {
			keyBytes = 4
		}
		if _, err := io.ReadFull(r, head[2:2+more+keyBytes]); err != nil {
			return 0
		}
		if more > 0 {
			length = 0
			for _, b := range head[2 : 2+more] {
				length = length<<8 | uint64(b)
			}
			if length < 126 || more == 8 && length < 65536 || length >= 1<<63 {
				return 1002
			}
		}
		if length > limit || !control && length+uint64(len(message)) > limit {
			return 1009
		}
		key := head[2+more : 6+more] // zeros where there is none

		if !control && frameOp != opContinuation {
			op, compressed = frameOp, squeezes
		}
		payload := message
		if control {
			payload = nil
		}
		if control || op != opText || compressed {
			payload = append(payload, make([]byte, length)...)
			of := payload[len(payload)-int(length):]
			if _, err := io.ReadFull(r, of); err != nil {
				return 0
			}
			for i := range of {
				of[i] ^= key[i%4]
			}
			length = 0
		}
		for i := range int(length) { // of text, which can be wrong before the rest has come
			b, err := r.ReadByte()
			if err != nil {
				return 0
			}
			b ^= key[i%4]
			payload = append(payload, b)
			if character = append(character, b); utf8.Valid(character) {
				character = character[:0]
			} else if !couldEnd(character) {
				return 1007
			}
		}
		switch {
		case frameOp == opPing:
			ref.send(conn, newFrame(opPong, payload))
		case frameOp == opClose:
			return closeAnswer(payload)
		case !control && fin:
			if len(character) > 0 {
				return 1007
			}
			if code := ref.echo(conn, d, op, payload, compressed); code != 0 {
				return code
			}
			message, op, fragments = nil, 0, 0
		case !control:
			message = payload
			if fragments++; ref.client != nil && fragments > 5000 {
				return 1008
			}
			if compressed && d.exceeds(message, limit) {
				return 1009
			}
		}
	}
}

// couldEnd reports whether some continuation makes the beginning of a character valid.
func couldEnd(start []byte) bool {
	for _, end := range []string{"\x80", "\x80\x80", "\x80\x80\x80", "\xbf", "\xbf\xbf", "\xbf\xbf\xbf"} {
		if utf8.Valid(append(bytes.Clone(start), end...)) {
			return true
		}
	}
	return false
}

// closeAnswer is the code of the answer to a Close frame.
func closeAnswer(body []byte) int {
	if len(body) == 0 {
		return 1005
	}
	if len(body) == 1 {
		return 1002
	}
	code := int(binary.BigEndian.Uint16(body))
	switch {
	case code < 1000, code >= 1004 && code <= 1006, code >= 1015 && code < 3000, code >= 5000:
		return 1002
	case !utf8.Valid(body[2:]):
		return 1007
	}
	return code
}
