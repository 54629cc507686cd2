package natsbroker_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/spoutws/spout"
	natsbroker "github.com/spoutws/spout/brokers/nats"
	"github.com/spoutws/spout/hub"
)

// chatter is a member of a chat.
type chatter struct {
	spout.Base
	hub *hub.Hub
}

func (m *chatter) OnOpen(c *spout.Conn) error { return m.hub.Join("lobby", c) }
func (m *chatter) OnMessage(c *spout.Conn, msg spout.Message) error {
	return m.hub.Publish(c.Context(), "lobby", msg)
}

// A chat over any number of nodes: each runs this program.
func Example() {
	ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
	defer end()
	broker, err := natsbroker.Connect(ctx, natsbroker.Options{URL: "nats://127.0.0.1:4222"})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()

	var server spout.Server
	rooms := &hub.Hub{Broker: broker}
	http.Handle("/chat", server.Handler(func(*http.Request) (spout.Handler, error) {
		return &chatter{hub: rooms}, nil
	}))
	http.Handle("/health", broker) // 503 while messages may not come
	log.Fatal((&http.Server{Addr: "127.0.0.1:8080", ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}

// A broker alone, without connections.
func ExampleBroker() {
	ctx := context.Background()
	broker, err := natsbroker.Connect(ctx, natsbroker.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	cancel, err := broker.Subscribe(ctx, "lobby", printer{})
	if err != nil {
		log.Fatal(err)
	}
	defer cancel()
	if err := broker.Publish(ctx, "lobby", []byte("hello, all nodes")); err != nil {
		log.Fatal(err) // nothing was published, unless it is hub.ErrUncertain
	}
}

type printer struct{}

func (printer) Deliver(d hub.Delivery) { fmt.Printf("%s\n", d.Data) }
func (printer) Lost(reason error)      { fmt.Println("something may be missing:", reason) }
