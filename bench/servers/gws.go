package servers

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

// gwsLibrary follows the README: an Upgrader behind net/http, ReadLoop in a
// goroutine so that the request can be collected, Broadcaster to send to many. ParallelEnabled, which an example
// sets, is left off as by default: it makes a goroutine for each message.
var gwsLibrary = &Library{
	Name:   "gws",
	Module: "github.com/lxzan/gws",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		up := gws.NewUpgrader(&gwsHandler{role: s.Role}, &gws.ServerOption{PermessageDeflate: gws.PermessageDeflate{
			Enabled:               s.Compression.Compressed(),
			ServerContextTakeover: s.Compression.Send,
			ClientContextTakeover: s.Compression.Receive,
			Threshold:             1,
		}})
		return serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := up.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}))
	},
}

type gwsHandler struct {
	gws.BuiltinEventHandler
	role Role
	all  members[*gws.Conn]
}

func (h *gwsHandler) OnOpen(c *gws.Conn) {
	if h.role == Broadcast {
		h.all.join(c, func(c *gws.Conn) error { return c.WriteMessage(gws.OpcodeBinary, []byte(Greeting)) })
	}
}

func (h *gwsHandler) OnClose(c *gws.Conn, _ error) {
	if h.role == Broadcast {
		h.all.leave(c)
	}
}

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if h.role == Broadcast {
		b := gws.NewBroadcaster(m.Opcode, m.Bytes())
		defer b.Close()
		h.all.each(func(c *gws.Conn) { b.Broadcast(c) })
		return
	}
	c.WriteMessage(m.Opcode, m.Bytes())
}
