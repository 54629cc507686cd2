package peers

import (
	"net/http"

	"github.com/coder/websocket"
)

// coderEcho serves with a limit of messages, 0 for that of the library.
func coderEcho(limit int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:    []string{Subprotocol},
			CompressionMode: websocket.CompressionContextTakeover,
		})
		if err != nil {
			return
		}
		defer c.CloseNow()
		if code, ok := closePath(r); ok {
			c.Close(websocket.StatusCode(code), closeReason)
			return
		}
		if limit > 0 {
			c.SetReadLimit(limit)
		}
		for {
			t, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), t, data) != nil {
				return
			}
		}
	})
}
