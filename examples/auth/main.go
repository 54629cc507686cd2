// Command auth is a server that lets only users with a session in. Its open
// function decides before the connection is made, from the whole request.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/spoutws/spout"
)

// sessions are the users by the value of their cookie.
type sessions map[string]string

// user is the handler of one connection. It exists only for a valid session.
type user struct {
	spout.Base
	name string
}

func (u *user) OnOpen(c *spout.Conn) error {
	return c.Send(spout.Text("welcome, " + u.name))
}

func (u *user) OnMessage(c *spout.Conn, m spout.Message) error {
	return c.Send(spout.Text(u.name + " said: " + m.String()))
}

// open makes the handler of a connection, or refuses the request. A cookie is
// safe here because the server's default refuses pages of other sites, whose
// requests would carry the cookie as well.
func (s sessions) open(r *http.Request) (spout.Handler, error) {
	cookie, err := r.Cookie("session")
	if err != nil || s[cookie.Value] == "" {
		return nil, &spout.HandshakeError{
			Status: http.StatusUnauthorized,
			Header: http.Header{"WWW-Authenticate": {`Cookie realm="example" cookie-name="session"`}},
			Reason: "log in first",
		}
	}
	return &user{name: s[cookie.Value]}, nil
}

func main() {
	var srv spout.Server
	known := sessions{"an unguessable value": "Ann"}
	mux := http.NewServeMux()
	mux.Handle("/websocket", srv.Handler(known.open))
	server := &http.Server{Addr: ":8888", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
