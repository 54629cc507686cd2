// Command client says hello to a server and prints the answer, in either of
// the two ways to read: in a loop, or with -callback by callback.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/spoutws/spout"
)

func main() {
	url := flag.String("url", "ws://localhost:8888/websocket", "the server")
	byCallback := flag.Bool("callback", false, "read by callback")
	flag.Parse()
	hello := loop
	if *byCallback {
		hello = callback
	}
	if err := hello(context.Background(), *url, func(text string) { fmt.Println(text) }); err != nil {
		log.Fatal(err)
	}
}

// loop reads in a loop, which ends when the connection is closed normally.
func loop(ctx context.Context, url string, show func(string)) error {
	c, err := spout.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Write(ctx, spout.Text("hello")); err != nil {
		return err
	}
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		show(m.String())
		c.Close(spout.CloseNormal, "")
	}
	return nil
}

// callback hands each message to a function, until the connection is closed.
func callback(ctx context.Context, url string, show func(string)) error {
	c, err := spout.Dial(ctx, url)
	if err != nil {
		return err
	}
	if err := c.Write(ctx, spout.Text("hello")); err != nil {
		return err
	}
	return c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		show(m.String())
		return c.Close(spout.CloseNormal, "")
	}))
}
