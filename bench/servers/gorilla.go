package servers

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// gorillaLibrary follows the echo example, and the documentation of
// PreparedMessage for a message that goes to many.
var gorillaLibrary = &Library{
	Name:   "gorilla",
	Module: "github.com/gorilla/websocket",
	Whole:  true,
	Std:    true,
	Pauses: true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		up := &websocket.Upgrader{EnableCompression: s.Compression.Compressed()}
		var all members[*websocket.Conn]
		return serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			serveGorilla(c, s, &all, websocket.NewPreparedMessage)
		}))
	},
}

// gorillaConn is a connection of gorilla/websocket or of its fork, which have each their own type P of prepared messages.
type gorillaConn[P any] interface {
	comparable
	ReadMessage() (kind int, p []byte, err error)
	WriteMessage(kind int, p []byte) error
	WritePreparedMessage(m P) error
	Close() error
}

// serveGorilla does with the messages of a connection what s says, until its end.
func serveGorilla[C gorillaConn[P], P any](c C, s Setup, all *members[C], prepare func(kind int, p []byte) (P, error)) {
	defer c.Close()
	if s.Role == Broadcast {
		defer all.leave(c)
		if err := all.join(c, func(c C) error { return c.WriteMessage(websocket.BinaryMessage, []byte(Greeting)) }); err != nil {
			return
		}
	}
	for {
		kind, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if s.Role == Echo {
			time.Sleep(s.Pause)
			if err := c.WriteMessage(kind, p); err != nil {
				return
			}
			continue
		}
		m, err := prepare(kind, p)
		if err != nil {
			return
		}
		all.each(func(c C) { c.WritePreparedMessage(m) })
	}
}

// withoutTakeover is for libraries that compress each message by itself.
func withoutTakeover(s Setup) error {
	if s.Compression.Send || s.Compression.Receive {
		return errors.New("knows no context takeover")
	}
	return nil
}
