package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/bench/wire"
)

const spoutModule = "github.com/spoutws/spout"

// spoutLibrary is the public handler API with its defaults.
var spoutLibrary = &Library{
	Name:   "spout",
	Module: spoutModule,
	About:  "the handler API with its defaults",
	Whole:  true,
	Std:    true,
	Pauses: true,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		srv := &spout.Server{Options: spout.Options{Compression: deflate(s.Compression)}}
		h := srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			time.Sleep(s.Pause)
			return c.Send(m)
		})
		if s.Role == Broadcast {
			h = srv.Handler(func(*http.Request) (spout.Handler, error) { return &member{srv: srv}, nil })
		}
		return serveSpout(srv, ln, t, h)
	},
}

// spoutStream passes messages on as they come.
var spoutStream = &Library{
	Name:   "spout-stream",
	Module: spoutModule,
	About:  "Reader and WriteFrom: messages are passed on as they come",
	Std:    true,
	can: func(s Setup) error {
		if s.Role != Echo {
			return errors.New("the stream of a message goes to one connection")
		}
		return nil
	},
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		srv := &spout.Server{Options: spout.Options{Compression: deflate(s.Compression)}}
		return serveSpout(srv, ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := srv.Accept(w, r); err == nil {
				go echoStreams(c)
			}
		}))
	},
}

// spoutRelease gives the memory of messages back.
var spoutRelease = &Library{
	Name:   "spout-release",
	Module: spoutModule,
	About:  "the handler API, and Message.Release when the message is sent",
	Std:    true,
	can: func(s Setup) error {
		if s.Role != Echo {
			return errors.New("no message is large enough to be released")
		}
		return nil
	},
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		srv := &spout.Server{Options: spout.Options{Compression: deflate(s.Compression)}}
		return serveSpout(srv, ln, t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			defer m.Release()
			return c.Send(m)
		}))
	},
}

// spoutLevel3 compresses as small as those do that compress more than level 1 does.
var spoutLevel3 = &Library{
	Name:   "spout-level3",
	Module: spoutModule,
	About:  "compresses at level 3 instead of 1, to compare with what sends fewer bytes",
	Std:    true,
	can: func(s Setup) error {
		if !s.Compression.Send || s.Role != Echo {
			return errors.New("is measured only with context takeover")
		}
		return nil
	},
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		d := deflate(s.Compression)
		d.Level = 3
		srv := &spout.Server{Options: spout.Options{Compression: d}}
		return serveSpout(srv, ln, t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	},
}

// serveSpout serves a handler of srv, with TLS behind a Listener as its documentation advises.
func serveSpout(srv *spout.Server, ln net.Listener, t *tls.Config, h http.Handler) (func(), error) {
	if t != nil {
		ln = srv.Listener(ln, t)
	}
	stop, err := serveHTTP(ln, nil, h)
	return func() {
		stop()
		for c := range srv.Conns() {
			c.CloseNow()
		}
	}, err
}

// deflate returns what makes a server agree on the mode.
func deflate(m wire.Mode) *spout.Deflate {
	if !m.Compressed() {
		return nil
	}
	d := &spout.Deflate{}
	if !m.Send {
		d.SendWindow = -1
	}
	if !m.Receive {
		d.ReceiveWindow = -1
	}
	return d
}

// member sends its messages to all.
type member struct {
	spout.Base
	srv *spout.Server
}

func (m *member) OnOpen(c *spout.Conn) error { return c.Send(spout.Binary([]byte(Greeting))) }

func (m *member) OnMessage(_ *spout.Conn, msg spout.Message) error {
	msg = msg.Prepare()
	for c := range m.srv.Conns() {
		if err := c.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func echoStreams(c *spout.Conn) {
	defer c.CloseNow()
	ctx := context.Background()
	for {
		t, r, err := c.Reader(ctx)
		if err != nil {
			return
		}
		if err := c.WriteFrom(ctx, t, r); err != nil {
			return
		}
	}
}
