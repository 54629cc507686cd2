// Command echoclient is the client that "spout check --listen" asks: it connects to the URL that it is
// given and sends every message back, until the connection ends.
package main

import (
	"context"
	"log"
	"os"

	"github.com/spoutws/spout"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: echoclient URL")
	}
	d := spout.Dialer{Options: spout.Options{Compression: &spout.Deflate{}}}
	c, err := d.Dial(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	err = c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Write(context.Background(), m)
	}))
	if err != nil {
		log.Fatal(err)
	}
}
