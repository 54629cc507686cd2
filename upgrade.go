package spout

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// upgrade is the server's half of the opening handshake (RFC 6455, section 4.2): the request is
// checked, then its origin, then open makes the handler, then 101 is sent. Whatever goes wrong is
// answered here.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, open func(*http.Request) (Handler, error), route *route) (c *Conn, early []byte, err error) {
	if !s.enter() {
		return nil, nil, s.refuse(w, r, &HandshakeError{Status: http.StatusServiceUnavailable, Reason: "the server is shutting down"})
	}
	defer s.leave()

	cfg := s.config()
	var h Handler
	if err = s.Options.check(); err == nil {
		err = checkRequest(r)
	}
	if err == nil {
		err = s.checkOrigin(r)
	}
	if err == nil && open != nil {
		if h, err = open(r); err == nil && h == nil {
			err = errors.New("the open function returned neither a Handler nor an error")
		}
	}
	var agreed agreement
	if err == nil {
		agreed.subprotocol, err = s.subprotocol(cfg, r)
	}
	var head []byte
	if err == nil {
		extension := cfg.answer(r.Header.Values("Sec-Websocket-Extensions"), &agreed)
		head, err = switching(w.Header(), r, agreed.subprotocol, extension)
	}
	if err != nil {
		return nil, nil, s.refuse(w, r, err)
	}

	nc, early, err := hijack(w)
	if err != nil {
		return nil, nil, s.refuse(w, r, err)
	}
	c = accepted(nc, cfg, route)
	c.handler = h
	c.agree(agreed)
	c.writing = true // the write token is taken until the answer is sent
	s.add(c)
	if err := c.answer(head); err != nil {
		cfg.log().Debug("spout: handshake failed", "remote", r.RemoteAddr, "err", err)
		return nil, nil, &HandshakeError{Reason: "the answer could not be sent: " + err.Error()}
	}
	return c, early, nil
}

// answer sends the answer to the handshake. What others send meanwhile, since the connection is
// among the Server's already, goes behind it.
func (c *Conn) answer(head []byte) error {
	err := c.stream.answer(head)
	c.mu.Lock()
	c.endWriting()
	if err == nil {
		c.flush()
		c.mu.Unlock()
		return nil
	}
	c.handler = nil // which has had no OnOpen
	c.lost(err)
	c.kill()
	c.mu.Unlock()
	c.finish()
	return err
}

// checkRequest checks a client's opening handshake (section 4.2.1).
func checkRequest(r *http.Request) error {
	refuse := func(status int, reason string) error {
		return &HandshakeError{Status: status, Reason: reason}
	}
	h := r.Header
	upgrade := h.Values("Upgrade")
	_, offersTokens := proto.ParseTokens(h.Values("Sec-Websocket-Protocol"))
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return refuse(http.StatusHTTPVersionNotSupported, "WebSocket needs HTTP/1.1 here, not "+r.Proto)
	case r.Method != http.MethodGet:
		err := &HandshakeError{Status: http.StatusMethodNotAllowed, Reason: "a WebSocket handshake is a GET request"}
		err.Header = http.Header{"Allow": {"GET"}}
		return err
	case !proto.HasToken(upgrade, "websocket") || !proto.HasToken(h.Values("Connection"), "upgrade"):
		return refuse(http.StatusUpgradeRequired, "this is a WebSocket endpoint: connect with a WebSocket client")
	case len(h.Values("Sec-Websocket-Version")) != 1 || h.Get("Sec-Websocket-Version") != "13":
		return refuse(http.StatusUpgradeRequired, "only version 13 of the WebSocket protocol (RFC 6455) is spoken here")
	case len(h.Values("Sec-Websocket-Key")) != 1 || !proto.ValidKey(h.Get("Sec-Websocket-Key")):
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key must be one base64 value of 16 bytes")
	case !offersTokens:
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Protocol must list tokens, each once")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return refuse(http.StatusBadRequest, "a WebSocket handshake has no body")
	case r.Host == "":
		return refuse(http.StatusBadRequest, "a WebSocket handshake names its host")
	}
	return nil
}

func (s *Server) checkOrigin(r *http.Request) error {
	switch origins := r.Header.Values("Origin"); {
	case len(origins) == 0:
		return nil
	case len(origins) > 1:
		return &HandshakeError{Status: http.StatusForbidden, Reason: "more than one Origin header"}
	case !s.allowed(r):
		return &HandshakeError{Status: http.StatusForbidden,
			Reason: fmt.Sprintf("origin %q may not connect to %q (Server.CheckOrigin allows origins)", origins[0], r.Host)}
	}
	return nil
}

// subprotocol chooses one of those that the client offers.
func (s *Server) subprotocol(cfg *config, r *http.Request) (string, error) {
	offered, _ := proto.ParseTokens(r.Header.Values("Sec-Websocket-Protocol")) // checkRequest has checked it
	if len(offered) == 0 {
		return "", nil
	}
	if s.SelectSubprotocol == nil {
		for _, p := range cfg.subprotocols {
			if slices.Contains(offered, p) {
				return p, nil
			}
		}
		return "", nil
	}
	p := s.SelectSubprotocol(r, offered)
	if p != "" && !slices.Contains(offered, p) {
		return "", fmt.Errorf("Server.SelectSubprotocol chose %q, which the client did not offer", p)
	}
	return p, nil
}

// switching returns the answer to a good request: 101 with the headers that were set already.
func switching(set http.Header, r *http.Request, subprotocol, extension string) ([]byte, error) {
	h := make(http.Header, len(set))
	for name, values := range set {
		if err := checkHeader(name, values); err != nil {
			return nil, err
		}
		h[name] = values
	}
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept", "Sec-Websocket-Protocol",
		"Sec-Websocket-Extensions", "Content-Length", "Content-Type", "Transfer-Encoding"} {
		h.Del(name)
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	b.WriteString("Sec-WebSocket-Accept: " + proto.AcceptKey(r.Header.Get("Sec-Websocket-Key")) + "\r\n")
	if subprotocol != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + subprotocol + "\r\n")
	}
	if extension != "" {
		b.WriteString("Sec-WebSocket-Extensions: " + extension + "\r\n")
	}
	h.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

// checkHeader reports why a header of the answer can't be written.
func checkHeader(name string, values []string) error {
	if !proto.IsToken(name) {
		return fmt.Errorf("response header name %q is not a token", name)
	}
	for _, v := range values {
		if !proto.ValidHeaderValue(v) {
			return fmt.Errorf("response header %s: value %q has control characters", name, v)
		}
	}
	return nil
}

// hijack takes the connection from the HTTP server, with the bytes that came behind the request.
func hijack(w http.ResponseWriter) (net.Conn, []byte, error) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("the ResponseWriter %T can't be hijacked: %w (middleware that wraps it must have an Unwrap method)", w, err)
	}
	// Peek copies nothing, and the reader is not kept: it holds 4 KiB.
	buffered, _ := rw.Reader.Peek(rw.Reader.Buffered())
	return nc, slices.Clone(buffered), nil
}

// refuse answers a request that does not become a connection, and returns what Accept returns.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	refusal, ok := errors.AsType[*HandshakeError](err)
	if !ok {
		refusal = &HandshakeError{Status: http.StatusInternalServerError, Reason: err.Error(),
			Body: []byte("Internal Server Error\n")}
		s.config().log().Error("spout: handshake failed", "remote", r.RemoteAddr, "path", r.URL.Path, "err", err)
	}
	status := refusal.Status
	switch {
	case status == 0:
		status = http.StatusForbidden
	case status < 200 || status > 999: // no final answer: of a server behind this one, perhaps
		status = http.StatusInternalServerError
	}
	h := w.Header()
	for name, values := range refusal.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	// Lengths that came with refusal.Header are those of another body.
	h.Del("Content-Length")
	h.Del("Transfer-Encoding")
	for name, values := range h {
		if err := checkHeader(name, values); err != nil {
			s.config().log().Error("spout: header left out", "remote", r.RemoteAddr, "path", r.URL.Path, "err", err)
			delete(h, name)
		}
	}
	if status == http.StatusUpgradeRequired {
		h.Set("Upgrade", "websocket")
		h.Set("Sec-Websocket-Version", "13")
	}
	// What follows on this HTTP connection may be frames, or a request smuggled behind a
	// handshake that a proxy believed in.
	h.Set("Connection", "close")
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	body := refusal.Body
	if body == nil {
		body = []byte(refusal.Reason + "\n")
	}
	if r.ContentLength != 0 {
		// The HTTP server reads what is left of a body before it closes the connection.
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTime))
	}
	w.WriteHeader(status)
	w.Write(body)
	return refusal
}
