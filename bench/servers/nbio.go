package servers

import (
	"crypto/tls"
	"net"
	"net/http"

	nbtls "github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// nbioLibrary follows the WebSocket example that the README names: an engine
// with MaxLoad and ReleaseWebsocketPayload set, an upgrader with OnMessage.
var nbioLibrary = &Library{
	Name:   "nbio",
	Module: nbioModule,
	Whole:  true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		return startNbio(ln, s, t, nbhttp.IOModNonBlocking)
	},
}

// nbioMixed is the mode that the README advises for both few connections and
// many: a goroutine for each of the first 10,000, its pollers for those above.
var nbioMixed = &Library{
	Name:   "nbio-mixed",
	Module: nbioModule,
	About:  "IOModMixed: a goroutine for each of the first 10,000 connections, its pollers for those above",
	Whole:  true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		return startNbio(ln, s, t, nbhttp.IOModMixed)
	},
}

const nbioModule = "github.com/lesismal/nbio"

func startNbio(ln net.Listener, s Setup, t *tls.Config, mode int) (func(), error) {
	logging.SetLevel(logging.LevelError)
	var all members[*websocket.Conn]
	up := websocket.NewUpgrader()
	up.EnableCompression(s.Compression.Compressed())
	if s.Role == Broadcast {
		up.OnOpen(func(c *websocket.Conn) {
			all.join(c, func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte(Greeting)) })
		})
		up.OnClose(func(c *websocket.Conn, _ error) { all.leave(c) })
	}
	up.OnMessage(func(c *websocket.Conn, kind websocket.MessageType, p []byte) {
		if s.Role == Broadcast {
			all.each(func(c *websocket.Conn) { c.WriteMessage(kind, p) })
			return
		}
		c.WriteMessage(kind, p)
	})
	config := nbhttp.Config{
		Network:                 "tcp",
		Listen:                  func(string, string) (net.Listener, error) { return ln, nil },
		MaxLoad:                 1000000,
		ReleaseWebsocketPayload: true,
		IOMod:                   mode,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			up.Upgrade(w, r, nil) // answers when it fails
		}),
	}
	if t == nil {
		config.Addrs = []string{ln.Addr().String()}
	} else {
		config.AddrsTLS = []string{ln.Addr().String()}
		c := t.Certificates[0]
		config.TLSConfig = &nbtls.Config{Certificates: []nbtls.Certificate{{Certificate: c.Certificate, PrivateKey: c.PrivateKey}}}
	}
	engine := nbhttp.NewEngine(config)
	up.Engine = engine
	if err := engine.Start(); err != nil {
		return nil, err
	}
	return engine.Stop, nil
}
