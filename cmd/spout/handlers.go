package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/proto"
)

// openFunc has each connection's messages go to one function.
func openFunc(f spout.HandlerFunc) func(*http.Request) (spout.Handler, error) {
	return func(*http.Request) (spout.Handler, error) { return f, nil }
}

// youSaid answers a text with the same behind two words, and bytes with themselves.
func youSaid(c *spout.Conn, m spout.Message) error {
	if m.Type == spout.TextMessage {
		m = spout.Text("You said: " + m.String())
	}
	return echo(c, m)
}

// echo answers a message with itself. It waits for room, so that one message behind another may be as large as the
// server takes; a peer that reads nothing is ended by the connection's own WriteTimeout.
func echo(c *spout.Conn, m spout.Message) error {
	return c.Write(context.Background(), m)
}

// clock sends the time each second and ignores what it is sent.
type clock struct{ spout.Base }

func openClock(*http.Request) (spout.Handler, error) { return clock{}, nil }

func (clock) OnOpen(c *spout.Conn) error {
	go tick(c)
	return nil
}

func (clock) OnMessage(*spout.Conn, spout.Message) error { return nil }

func tick(c *spout.Conn) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		err := c.Send(spout.Text(time.Now().Format(time.RFC3339)))
		if err != nil && !errors.Is(err, spout.ErrFull) { // who reads too slowly misses a second
			return
		}
		select {
		case <-ticker.C:
		case <-c.Context().Done():
			return
		}
	}
}

// closer closes with the code that its path names.
type closer struct {
	spout.Base
	code spout.Code
}

func openCloser(r *http.Request) (spout.Handler, error) {
	code, err := strconv.ParseUint(r.PathValue("code"), 10, 16)
	if err != nil || !proto.ValidCode(uint16(code)) {
		return nil, &spout.HandshakeError{
			Status: http.StatusBadRequest,
			Reason: fmt.Sprintf("%q is no close code that may be sent: 1000-1003, 1007-1014, 3000-4999", r.PathValue("code")),
		}
	}
	return &closer{code: spout.Code(code)}, nil
}

func (h *closer) OnOpen(c *spout.Conn) error { return c.Close(h.code, "as the path says") }

func (h *closer) OnMessage(*spout.Conn, spout.Message) error { return nil }
