//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spoutws/spout"
	natsbroker "github.com/spoutws/spout/brokers/nats"
	"github.com/spoutws/spout/hub"
)

// nodeVariable is set in the environment of a process that is a node, to its nodeConfig.
const nodeVariable = "SPOUT_FAULTS_NODE"

type nodeConfig struct {
	Addr string // where clients connect
	NATS string
	Log  string // a file

	// Lossy has it lose every hundredth message that it publishes, and say nothing: a plant, which must be found.
	Lossy bool
}

// Rooms with history keep more than a member misses in the longest fault.
var history = hub.History{Size: 5000, Age: time.Hour}

const (
	publishTime  = 5 * time.Second
	shutdownTime = 4 * time.Second // its connections are closed in the first half
)

// node is a server with two kinds of rooms over one broker.
type node struct {
	ws   spout.Server
	hubs map[string]*hub.Hub // by kind
}

// runNode serves until SIGTERM, then drains. It ends at once when the process that started it does.
func runNode(text string) error {
	var config nodeConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	file, err := os.OpenFile(config.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(file, nil))
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	broker, err := connect(ctx, config, logger)
	if err != nil {
		return err
	}
	defer broker.Close()
	var carrier hub.Broker = broker
	if config.Lossy {
		carrier = &lossy{Broker: broker}
	}
	n := &node{hubs: map[string]*hub.Hub{
		live:   {Broker: carrier, Presence: true, Logger: logger},
		logged: {Broker: broker, History: &history, Presence: true, Logger: logger},
	}}
	n.ws.Logger = logger
	ln, err := net.Listen("tcp", config.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: n.handler(broker)}
	go server.Serve(ln)
	fmt.Println("ready")
	<-ctx.Done()
	logger.Info("draining")
	bound, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	go server.Shutdown(bound) // takes no connections from now on
	drained := n.ws.Shutdown(bound)
	server.Close()
	return drained
}

// connect tries again for a while, as whoever starts a server that has ended does.
func connect(ctx context.Context, config nodeConfig, logger *slog.Logger) (broker *natsbroker.Broker, err error) {
	for begun := time.Now(); time.Since(begun) < patience; sleep(ctx, 200*time.Millisecond) {
		if broker, err = natsbroker.Connect(ctx, natsbroker.Options{URL: config.NATS, Logger: logger}); err == nil || ctx.Err() != nil {
			return broker, err
		}
		logger.Warn("not connected yet", "error", err)
	}
	return nil, err
}

// lossy loses messages of rooms without history.
type lossy struct {
	*natsbroker.Broker
	published atomic.Int64
}

func (b *lossy) Publish(ctx context.Context, room string, data []byte) error {
	if b.published.Add(1)%100 == 0 {
		return nil
	}
	return b.Broker.Publish(ctx, room, data)
}

func (n *node) handler(broker *natsbroker.Broker) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/publish", n.ws.HandlerFunc(n.publish))
	mux.Handle("/health", broker)
	mux.HandleFunc("/queues/{kind}/{room}", n.queues)
	mux.HandleFunc("/present/{kind}/{room}", n.present)
	mux.Handle("/{kind}/{room}", n.ws.Handler(func(r *http.Request) (spout.Handler, error) {
		h := n.hubs[r.PathValue("kind")]
		if h == nil {
			return nil, &spout.HandshakeError{Status: http.StatusNotFound}
		}
		o, err := hub.FromRequest(r)
		return &visitor{hub: h, room: r.PathValue("room"), options: o}, err
	}))
	return mux
}

// visitor is a member of a room.
type visitor struct {
	spout.Base
	hub     *hub.Hub
	room    string
	options hub.JoinOptions
}

func (v *visitor) OnOpen(c *spout.Conn) error {
	_, err := v.hub.JoinWith(v.room, c, v.options)
	return err
}

func (v *visitor) OnMessage(*spout.Conn, spout.Message) error { return nil }

// publish answers when it is known what became of a message: question "live/room message".
func (n *node) publish(c *spout.Conn, m spout.Message) error {
	q, ok := hub.Asked(c, m)
	if !ok {
		return errors.New("want a question")
	}
	go func() {
		q.Answer(n.outcome(q.Message.Data))
	}()
	return nil
}

// What is answered to a publisher.
const (
	acknowledged = "acknowledged"
	uncertain    = "uncertain"
)

func (n *node) outcome(question []byte) spout.Message {
	where, data, _ := bytes.Cut(question, []byte(" "))
	kind, room, _ := bytes.Cut(where, []byte("/"))
	ctx, cancel := context.WithTimeout(context.Background(), publishTime)
	defer cancel()
	err := n.hubs[string(kind)].Publish(ctx, string(room), spout.Message{Type: spout.TextMessage, Data: data})
	switch {
	case err == nil:
		return spout.Text(acknowledged)
	case errors.Is(err, hub.ErrUncertain):
		return spout.Text(uncertain)
	}
	return spout.Text(err.Error())
}

// queues tells how many bytes wait for each member of a room on this node.
func (n *node) queues(w http.ResponseWriter, r *http.Request) {
	queues := []int{}
	for c := range n.hubs[r.PathValue("kind")].Members(r.PathValue("room")) {
		queues = append(queues, c.Buffered())
	}
	json.NewEncoder(w).Encode(queues)
}

// present tells who is in a room, on all nodes.
func (n *node) present(w http.ResponseWriter, r *http.Request) {
	members, err := n.hubs[r.PathValue("kind")].Present(r.Context(), r.PathValue("room"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	json.NewEncoder(w).Encode(members)
}
