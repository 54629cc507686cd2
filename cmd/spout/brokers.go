package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	natsbroker "github.com/spoutws/spout/brokers/nats"
	"github.com/spoutws/spout/hub"
)

// link is a node's connection to the broker that all nodes share.
type link struct {
	broker hub.Broker
	logger *slog.Logger // what the node has to say; nothing once it is closed or cut
	close  func()       // the other nodes are told
	cut    func()       // they are not, as when a process is killed
}

// connect connects a node.
type connect func(ctx context.Context) (link, error)

// broker returns how nodes connect to their broker: NATS if there are several or its URL is given, else memory. stop ends
// it when they are closed.
func (o demoOptions) broker(stderr io.Writer) (_ connect, stop func(), err error) {
	if o.nats == "" && o.nodes == 1 {
		memory := new(hub.Memory)
		return func(context.Context) (link, error) {
			return link{broker: memory, close: func() {}, cut: func() {}}, nil
		}, func() {}, nil
	}
	url, stop := o.nats, func() {}
	if url == "" {
		if url, stop, err = startNATS(); err != nil {
			return nil, nil, err
		}
	}
	return func(ctx context.Context) (link, error) { return connectNATS(ctx, url, stderr) }, stop, nil
}

// natsReady is how long a server of NATS may take until it can be used.
const natsReady = 10 * time.Second

// startNATS starts a server of NATS in this process, for this machine alone. stop ends it and forgets what it has kept.
func startNATS() (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "spout-nats-")
	if err != nil {
		return "", nil, err
	}
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("NATS: %w", err)
	}
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir)
	}
	s.Start()
	if !s.ReadyForConnections(natsReady) {
		stop()
		return "", nil, fmt.Errorf("NATS: the server is not ready after %v", natsReady)
	}
	return s.ClientURL(), stop, nil
}

func connectNATS(ctx context.Context, url string, stderr io.Writer) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, natsReady)
	defer cancel()
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	w := new(wire)
	b, err := natsbroker.Connect(ctx, natsbroker.Options{
		URL: url, Prefix: "spout-demo", Logger: logger, NATS: []nats.Option{nats.SetCustomDialer(w)},
	})
	if err != nil {
		return link{}, err
	}
	leave := func() {
		level.Set(slog.LevelError + 1) // that nothing can be told any more is no news
		b.Close()
	}
	cut := func() {
		level.Set(slog.LevelError + 1)
		w.cut()
		leave() // which reaches nobody
	}
	return link{broker: b, logger: logger, close: leave, cut: cut}, nil
}

// wire is the connections to NATS of a node, which can be cut for ever.
type wire struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

// Dial implements nats.CustomDialer.
func (w *wire) Dial(network, address string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, natsReady)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		conn.Close()
		return nil, errors.New("the node is killed")
	}
	w.conns = append(w.conns, conn)
	return conn, nil
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for _, conn := range w.conns {
		conn.Close()
	}
}
