package servers

import (
	"crypto/tls"
	"log"
	"net"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

// fasthttpLibrary follows the example in the package comment: an upgrader that
// calls a handler for each connection, behind fasthttp. It is a fork of gorilla.
var fasthttpLibrary = &Library{
	Name:   "fasthttp",
	Module: "github.com/fasthttp/websocket",
	Whole:  true,
	Pauses: true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		up := websocket.FastHTTPUpgrader{EnableCompression: s.Compression.Compressed()}
		all := new(members[*websocket.Conn])
		web := &fasthttp.Server{TLSConfig: t, Handler: func(ctx *fasthttp.RequestCtx) {
			up.Upgrade(ctx, func(c *websocket.Conn) { serveGorilla(c, s, all, websocket.NewPreparedMessage) })
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
