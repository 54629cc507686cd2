package spout

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spoutws/spout/internal/deflate"
	"github.com/spoutws/spout/internal/proto"
)

// handshake is the client's half of the opening handshake (RFC 6455, section 4.1): the request
// and what its answer must be.
type handshake struct {
	req *http.Request
	key string
	cfg *config
}

// newHandshake makes the request for r.
func newHandshake(r *http.Request, header http.Header, cfg *config) (*handshake, error) {
	req := &http.Request{Method: http.MethodGet, Host: r.Host, Header: make(http.Header)}
	u := *r.URL
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return nil, &UsageError{"dial", fmt.Sprintf("the URL %q has neither the scheme ws nor wss", r.URL.Redacted())}
	}
	if u.Host == "" {
		return nil, &UsageError{"dial", fmt.Sprintf("the URL %q names no host", r.URL.Redacted())}
	}
	// "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used" (3)
	if u.Fragment != "" {
		return nil, &UsageError{"dial", fmt.Sprintf("the URL %q has a fragment", r.URL.Redacted())}
	}
	req.URL = &u
	for _, h := range []http.Header{header, r.Header} {
		for name, values := range h {
			name = http.CanonicalHeaderKey(name)
			switch name {
			case "Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions":
				return nil, &UsageError{"dial", "the header " + name + " is the handshake's own"}
			case "Sec-Websocket-Protocol":
				return nil, &UsageError{"dial", "subprotocols are offered by Options.Subprotocols, not by a header"}
			}
			req.Header[name] = slices.Clone(values)
		}
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	hs := &handshake{req, base64.StdEncoding.EncodeToString(nonce[:]), cfg}
	// In the spelling of the RFC, for servers that compare names by case.
	req.Header["Upgrade"] = []string{"websocket"}
	req.Header["Connection"] = []string{"Upgrade"}
	req.Header["Sec-WebSocket-Key"] = []string{hs.key}
	req.Header["Sec-WebSocket-Version"] = []string{"13"}
	if len(cfg.subprotocols) > 0 {
		req.Header["Sec-WebSocket-Protocol"] = []string{strings.Join(cfg.subprotocols, ", ")}
	}
	if cfg.compressing != nil {
		req.Header["Sec-WebSocket-Extensions"] = []string{deflate.Offer(cfg.compressing.wish)}
	}
	return hs, nil
}

// check checks the server's answer and returns what it agreed to.
func (hs *handshake) check(resp *http.Response) (a agreement, err error) {
	refuse := func(reason string) (agreement, error) {
		e := &HandshakeError{Status: resp.StatusCode, Header: resp.Header, Reason: reason}
		if resp.StatusCode != http.StatusSwitchingProtocols {
			e.Body, _ = io.ReadAll(io.LimitReader(resp.Body, maxResponseBody))
		}
		return agreement{}, e
	}
	h := resp.Header
	upgrade, accept := h.Values("Upgrade"), h.Values("Sec-Websocket-Accept")
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return refuse("the server did not switch to WebSocket but answered " + resp.Status)
	case resp.ProtoMajor != 1 || resp.ProtoMinor < 1:
		return refuse("the server switched to WebSocket in " + resp.Proto + ", which can't")
	// "contains a value that is not an ASCII case-insensitive match" (4.1): a list is none
	case len(upgrade) != 1 || strings.Contains(upgrade[0], ",") || !proto.HasToken(upgrade, "websocket"):
		return refuse("the answer has no header Upgrade: websocket")
	case !proto.HasToken(h.Values("Connection"), "upgrade"):
		return refuse("the answer has no header Connection: Upgrade")
	case len(accept) != 1 || accept[0] != proto.AcceptKey(hs.key):
		return refuse("Sec-WebSocket-Accept of the answer does not fit the request's key")
	}
	switch chosen := h.Values("Sec-Websocket-Protocol"); {
	case len(chosen) == 0:
	case len(chosen) > 1:
		return refuse("the answer has more than one subprotocol")
	case !slices.Contains(hs.cfg.subprotocols, chosen[0]):
		return refuse(fmt.Sprintf("the answer has the subprotocol %q, which was not offered", chosen[0]))
	default:
		a.subprotocol = chosen[0]
	}
	if a.compressed, a.terms, err = hs.cfg.accept(h.Values("Sec-Websocket-Extensions")); err != nil {
		return refuse(err.Error())
	}
	return a, nil
}
