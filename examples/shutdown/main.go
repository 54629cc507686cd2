// Command shutdown is an echo server that ends well: on SIGTERM or Ctrl-C it
// tells its clients that it restarts and waits until they are gone.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spoutws/spout"
)

// serve serves on ln until stop ends, then shuts down. http.Server.Shutdown
// knows nothing of connections that were upgraded, so spout's comes first.
func serve(stop context.Context, ln net.Listener) error {
	var srv spout.Server
	mux := http.NewServeMux()
	mux.Handle("/websocket", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Send(m)
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()

	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(ctx), server.Shutdown(ctx))
}

func main() {
	ln, err := net.Listen("tcp", ":8888")
	if err != nil {
		log.Fatal(err)
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := serve(stop, ln); err != nil {
		log.Fatal(err)
	}
}
