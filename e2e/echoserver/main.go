// Command echoserver is the server in which faults are planted: it prints its URL and sends every message back, as
// "spout serve" does at /ws/echo, which takes longer to build.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/spoutws/spout"
)

func main() {
	srv := spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	http.Handle("/ws/echo", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Write(context.Background(), m)
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("echoes at http://%s/\n", ln.Addr())
	server := http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	log.Fatal(server.Serve(ln))
}
