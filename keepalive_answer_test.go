package spout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// prompt is a peer that answers a ping before the write of the ping has returned.
type prompt struct {
	pongs chan []byte
	idle  chan struct{} // the reader waits
	pings int

	closing sync.Once
}

func (p *prompt) Read(b []byte) (int, error) {
	select {
	case p.idle <- struct{}{}:
	default:
	}
	pong, ok := <-p.pongs
	if !ok {
		return 0, io.EOF
	}
	return copy(b, pong), nil
}

func (p *prompt) Write(b []byte) (int, error) {
	if len(b) > 2 && b[0] == 0x89 { // a server's ping: not masked
		p.pings++
		pong := append([]byte{0x8a, 0x80 | b[1], 0, 0, 0, 0}, bytes.Clone(b[2:])...)
		for len(p.idle) > 0 {
			<-p.idle
		}
		p.pongs <- pong
		<-p.idle // it has been read
	}
	return len(b), nil
}

func (p *prompt) Close() error { p.closing.Do(func() { close(p.pongs) }); return nil }

func TestPingIntervalBelowTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &prompt{pongs: make(chan []byte), idle: make(chan struct{}, 1)}
		c := NewConn(p, false, &Options{PingInterval: time.Second, PingTimeout: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second+time.Second/2) // between two pings
		defer cancel()
		if _, err := c.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Read = %v, want the end of the context: the peer answers every ping", err)
		}
		if p.pings < 55 {
			t.Errorf("%d pings in 60 s, want one a second", p.pings)
		}
		c.CloseNow()
	})
}
