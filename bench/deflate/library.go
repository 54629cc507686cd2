package main

import (
	"net/http"

	coder "github.com/coder/websocket"
	"github.com/gorilla/websocket"
	"github.com/lxzan/gws"
	"github.com/spoutws/spout"
)

// library makes an HTTP handler that echoes messages, with compression as the
// mode says and everything else as it comes; all compress at level 1.
type library struct {
	name  string
	modes []mode // those it can do
	echo  func(m mode) http.Handler
}

var libraries = []library{
	{"spout", modes, spoutEcho},
	{"gws", modes, gwsEcho},
	{"coder", modes, coderEcho},
	{"gorilla", []mode{off, without}, gorillaEcho},
}

func (l library) can(m mode) bool {
	for _, x := range l.modes {
		if x == m {
			return true
		}
	}
	return false
}

func spoutEcho(m mode) http.Handler {
	srv := &spout.Server{}
	if m.compressed() {
		d := &spout.Deflate{}
		if !m.send {
			d.SendWindow = -1
		}
		if !m.receive {
			d.ReceiveWindow = -1
		}
		srv.Options.Compression = d
	}
	return srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) })
}

type gwsHandler struct{ gws.BuiltinEventHandler }

func (gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.WriteMessage(m.Opcode, m.Bytes())
}

func gwsEcho(m mode) http.Handler {
	up := gws.NewUpgrader(gwsHandler{}, &gws.ServerOption{PermessageDeflate: gws.PermessageDeflate{
		Enabled:               m.compressed(),
		ServerContextTakeover: m.send,
		ClientContextTakeover: m.receive,
		Threshold:             1,
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r); err == nil {
			go c.ReadLoop() // as its documentation has it, so that the request can be collected
		}
	})
}

func coderEcho(m mode) http.Handler {
	o := &coder.AcceptOptions{CompressionMode: coder.CompressionDisabled, CompressionThreshold: 1}
	switch {
	case m.send || m.receive:
		o.CompressionMode = coder.CompressionContextTakeover
	case m.compressed():
		o.CompressionMode = coder.CompressionNoContextTakeover
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, o)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			t, p, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), t, p); err != nil {
				return
			}
		}
	})
}

func gorillaEcho(m mode) http.Handler {
	up := &websocket.Upgrader{EnableCompression: m.compressed()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			t, p, err := c.ReadMessage()
			if err != nil {
				return
			}
			if err := c.WriteMessage(t, p); err != nil {
				return
			}
		}
	})
}
