package servers

import (
	"crypto/tls"
	"log"
	"net"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

// fasthttpLibrary follows the example in the package comment: an upgrader that
// calls a handler for each connection, behind fasthttp.
var fasthttpLibrary = &Library{
	Name:   "fasthttp",
	Module: "github.com/fasthttp/websocket",
	Whole:  true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		up := websocket.FastHTTPUpgrader{EnableCompression: s.Compression.Compressed()}
		all := new(members[*websocket.Conn])
		web := &fasthttp.Server{TLSConfig: t, Handler: func(ctx *fasthttp.RequestCtx) {
			up.Upgrade(ctx, func(c *websocket.Conn) { serveFasthttp(c, s.Role, all) })
		}}
		go func() {
			err := error(nil)
			if t != nil {
				err = web.ServeTLS(ln, "", "")
			} else {
				err = web.Serve(ln)
			}
			if err != nil {
				log.Print(err)
			}
		}()
		return func() { web.Shutdown() }, nil
	},
}

func serveFasthttp(c *websocket.Conn, role Role, all *members[*websocket.Conn]) {
	defer c.Close()
	if role == Broadcast {
		defer all.leave(c)
		if err := all.join(c, func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.BinaryMessage, []byte(Greeting))
		}); err != nil {
			return
		}
	}
	for {
		kind, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if role == Echo {
			if err := c.WriteMessage(kind, p); err != nil {
				return
			}
			continue
		}
		m, err := websocket.NewPreparedMessage(kind, p)
		if err != nil {
			return
		}
		all.each(func(c *websocket.Conn) { c.WritePreparedMessage(m) })
	}
}
