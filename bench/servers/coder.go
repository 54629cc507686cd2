package servers

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// coderLibrary follows the examples of the README: a loop of Read and Write in
// the HTTP handler; a message for all is written to one after the other, since Write may be
// called by several.
var coderLibrary = &Library{
	Name:   "coder",
	Module: "github.com/coder/websocket",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		o := &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled, CompressionThreshold: 1}
		switch {
		case s.Compression.Send || s.Compression.Receive:
			o.CompressionMode = websocket.CompressionContextTakeover
		case s.Compression.Compressed():
			o.CompressionMode = websocket.CompressionNoContextTakeover
		}
		var all members[*websocket.Conn]
		return serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, o)
			if err != nil {
				return
			}
			defer c.CloseNow()
			c.SetReadLimit(1 << 20) // 32 KiB by default
			ctx := r.Context()
			if s.Role == Broadcast {
				defer all.leave(c)
				if err := all.join(c, func(c *websocket.Conn) error {
					return c.Write(ctx, websocket.MessageBinary, []byte(Greeting))
				}); err != nil {
					return
				}
			}
			for {
				kind, p, err := c.Read(ctx)
				if err != nil {
					return
				}
				if s.Role == Broadcast {
					all.each(func(c *websocket.Conn) { c.Write(context.Background(), kind, p) })
				} else if err := c.Write(ctx, kind, p); err != nil {
					return
				}
			}
		}))
	},
}
