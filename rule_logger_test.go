package spout_test

import (
	"context"
	"log"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// shown is a slog.Handler that shows what it is told to a connection, as a page with a server's log
// does.
type shown struct {
	slog.Handler
	on *spout.Conn
}

func (s *shown) Handle(_ context.Context, r slog.Record) error {
	if s.on != nil {
		s.on.Send(spout.Text(r.Message)) // may fail, for the connection is closing
	}
	return nil
}

// A Logger may use the connection that it is told about.
func TestLoggerMayUseTheConnection(t *testing.T) {
	for name, send := range map[string][]byte{
		"error":     masked(fin|opText, "error"),
		"panic":     masked(fin|opText, "panic"),
		"violation": unmasked(fin|opText, ""),
	} {
		t.Run(name, func(t *testing.T) {
			eachStyle(t, func(t *testing.T, connect connector) {
				logger := &shown{Handler: slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})}
				h := &recorder{}
				h.open = func(c *spout.Conn) error { logger.on = c; return nil }
				h.message = func(c *spout.Conn, m spout.Message) error {
					if m.String() == "panic" {
						panic("help")
					}
					return errTest
				}
				p := connect(t, h, spout.Options{Logger: slog.New(logger)})
				p.send(send)
				for p.read().op() != opClose {
				}
				p.nc.Close()
				h.wait(t)
			})
		})
	}
}

// Without a Logger of its own, a connection uses slog's default.
func TestDefaultLogger(t *testing.T) {
	defer log.SetFlags(log.Flags()) // which SetDefault changes too
	defer log.SetOutput(log.Writer())
	defer slog.SetDefault(slog.Default())
	var told logged
	slog.SetDefault(told.logger())
	near, far := net.Pipe()
	c := spout.NewConn(near, false, nil)
	p := newPeer(t, far, time.Minute)
	p.play(func() { p.nc.Write(masked(fin|opText, "x")) })
	result := make(chan error, 1)
	go func() {
		result <- c.Serve(spout.HandlerFunc(func(*spout.Conn, spout.Message) error { return errTest }))
	}()
	answer(p, 1011)
	wantCloseError(t, <-result, spout.CloseInternal)
	if !strings.Contains(told.String(), "error of the test") {
		t.Errorf("logged %s", told.String())
	}
}
