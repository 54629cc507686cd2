// Command echo is the smallest server: it answers each message with "You said: ".
package main

import (
	"log"
	"net/http"

	"github.com/spoutws/spout"
)

func main() {
	var srv spout.Server
	http.Handle("/websocket", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Send(spout.Text("You said: " + m.String()))
	}))
	log.Fatal(http.ListenAndServe(":8888", nil))
}
