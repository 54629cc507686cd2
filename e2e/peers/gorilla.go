package peers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// gorillaEcho serves with a limit of messages, 0 for that of the library.
func gorillaEcho(limit int64) http.Handler {
	up := websocket.Upgrader{Subprotocols: []string{Subprotocol}, EnableCompression: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		if code, ok := closePath(r); ok {
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, closeReason), time.Now().Add(time.Second))
			c.ReadMessage()
			return
		}
		if limit > 0 {
			c.SetReadLimit(limit)
		}
		for {
			t, data, err := c.ReadMessage()
			if err != nil || c.WriteMessage(t, data) != nil {
				return
			}
		}
	})
}

const closeReason = "as asked"

// closePath returns the code of /close/CODE.
func closePath(r *http.Request) (code int, ok bool) {
	s, ok := strings.CutPrefix(r.URL.Path, "/close/")
	if !ok {
		return 0, false
	}
	code, err := strconv.Atoi(s)
	return code, err == nil
}
