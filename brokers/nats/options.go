package natsbroker

import (
	"cmp"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// Options says where NATS is and what is used of it. The zero Options is a server on this machine.
type Options struct {
	// URL is where servers of NATS are, separated by commas; nats://127.0.0.1:4222 by default. Others of
	// the same cluster are found by themselves.
	URL string

	// Prefix is what all subjects begin with, and the name of the stream of rooms with history: 1 to 64
	// letters, digits, '-' and '_', "spout" by default. Brokers with the same Prefix have the same rooms.
	Prefix string

	// Replicas is on how many servers of a cluster rooms with history are kept, 1 by default. With 3 they
	// survive the loss of a server, and what was acknowledged that of its disk.
	Replicas int

	// NATS is what else the connection needs, such as nats.UserCredentials or nats.RootCAs. It can't
	// change what is to be noticed of the connection: its callbacks, pings and buffers.
	NATS []nats.Option

	// Logger gets what happens to the connection; slog.Default() by default.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	o.URL = cmp.Or(o.URL, nats.DefaultURL)
	o.Prefix = cmp.Or(o.Prefix, "spout")
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o, checkPrefix(o.Prefix)
}
