package spout

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// Options are what a [Server] or a [Dialer] applies to its connections. A zero field means the
// default that stands beside it, a negative one means off. A Server reads them at its first
// request, a Dialer at each dial; later changes have no effect.
type Options struct {
	// Subprotocols are the subprotocols spoken, the preferred one first: a client offers them,
	// a server answers with its first one that the client offers. Default: none.
	Subprotocols []string

	// MessageLimit is the size in bytes of the largest message that is received. A larger one
	// closes the connection with 1009 as soon as a frame's header announces it, or a compressed
	// one has become larger by inflating; compressed it may be an eighth larger. Default: 1 MiB.
	MessageLimit int64

	// FragmentLimit is the number of frames that a received message may consist of, empty ones
	// included. One more closes the connection with 1008. Default: 16,384.
	FragmentLimit int

	// SendLimit is the number of bytes that may wait to be sent. Then Send answers ErrFull and
	// Write waits. While what a handler's events have sent is above half of it, the connection is
	// not read; after that there is room for the next event's first answer. An empty queue takes
	// one message of any size. Default: 1 MiB.
	SendLimit int

	// PingInterval is the time between the pings that are sent to see that the peer is there,
	// and to keep proxies from closing the connection. Default: 25 s.
	PingInterval time.Duration

	// PingTimeout is the time in which something, be it one byte, must have come from the peer
	// after such a ping. Else the connection is closed with 1011. Default: 20 s.
	PingTimeout time.Duration

	// FrameTimeout is the time in which a frame that has begun must be complete. Else the
	// connection is closed with 1008. Default: 30 s.
	FrameTimeout time.Duration

	// WriteTimeout is the time in which the peer must take at least one byte of what waits to be
	// sent; over TLS, one record. Else the connection is dropped. Default: 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is the time that a closing handshake may take in all. Then the connection is
	// dropped. Default: 5 s.
	CloseTimeout time.Duration

	// Compression turns permessage-deflate on, for both directions; &Deflate{} is a good choice. It
	// costs more time than the sending itself, and saves half to three quarters of the bytes of
	// text. Default: none.
	Compression *Deflate

	// Logger receives what no caller is told: failures of handlers, and at debug level why a
	// connection or a handshake was refused. Default: slog.Default().
	Logger *slog.Logger
}

// config is what the connections of one Server share, or the one connection of a Dialer has: a
// snapshot of Options with the defaults filled in and 0 for what is off.
type config struct {
	server *Server // nil for a client
	alarms alarms
	mask   masker

	rules        proto.Rules
	deflated     proto.Rules // rules of connections that may compress
	compressing  *compressing
	sendLimit    int
	subprotocols []string
	pingInterval time.Duration
	pingTimeout  time.Duration
	frameTimeout time.Duration
	writeTimeout time.Duration
	closeTimeout time.Duration
	logger       *slog.Logger
}

// check reports what the handshake can't carry out.
func (o *Options) check() error {
	for i, s := range o.Subprotocols {
		if !proto.IsToken(s) {
			return &UsageError{"options", fmt.Sprintf("Options.Subprotocols: %q is not a token of RFC 9110", s)}
		}
		if slices.Contains(o.Subprotocols[:i], s) {
			return &UsageError{"options", fmt.Sprintf("Options.Subprotocols: %q stands there twice", s)}
		}
	}
	if o.Compression != nil {
		return o.Compression.check()
	}
	return nil
}

func (o *Options) config(server bool) *config {
	rules := proto.Rules{
		Server:       server,
		Limit:        orDefault(o.MessageLimit, 1<<20),
		MaxFragments: orDefault(o.FragmentLimit, 16384),
	}
	deflated := rules
	deflated.Deflate = true
	return &config{
		mask:         masker(!server),
		rules:        rules,
		deflated:     deflated,
		compressing:  o.Compression.config(),
		sendLimit:    orDefault(o.SendLimit, 1<<20),
		subprotocols: slices.Clone(o.Subprotocols),
		pingInterval: orDefault(o.PingInterval, 25*time.Second),
		pingTimeout:  orDefault(o.PingTimeout, 20*time.Second),
		frameTimeout: orDefault(o.FrameTimeout, 30*time.Second),
		writeTimeout: orDefault(o.WriteTimeout, 10*time.Second),
		closeTimeout: orDefault(o.CloseTimeout, 5*time.Second),
		logger:       o.Logger,
	}
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}

func (cfg *config) log() *slog.Logger {
	if cfg.logger != nil {
		return cfg.logger
	}
	return slog.Default()
}
