//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/client"
	"github.com/spoutws/spout/hub/faulttest"
)

// publisher publishes in one room, one message after the other.
type publisher struct {
	name, kind, room string
	line             *line
	began            time.Time
	rate             atomic.Int64  // thousandths of a message per second
	size             int           // bytes of a message; 0: as many as its name has
	ended            chan struct{} // when it will publish no more

	mu        sync.Mutex
	publishes []faulttest.Publish
	offered   int // what it was to publish
	n         int // what it tried
	acked     int
}

// answerTime is longer than what the node gives the broker.
const answerTime = publishTime + 2*time.Second

func (p *publisher) setRate(perSecond float64) { p.rate.Store(int64(1000 * perSecond)) }

// run publishes until stop is closed. What it could not begin in time is not made up for.
func (p *publisher) run(stop <-chan struct{}) {
	defer close(p.ended)
	next := time.Now()
	for {
		pause := 100 * time.Millisecond
		rate := p.rate.Load()
		if rate > 0 {
			pause = time.Duration(1e12 / rate)
		}
		next = next.Add(pause)
		for behind := time.Since(next); rate > 0 && behind > pause; behind -= pause {
			next = next.Add(pause)
			p.count()
		}
		select {
		case <-time.After(time.Until(next)):
		case <-stop:
			return
		}
		if rate > 0 {
			p.count()
			p.publish()
		}
	}
}

func (p *publisher) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered++
}

// publish tries to publish once, and reports whether that was acknowledged. Without a connection it does not try.
func (p *publisher) publish() bool {
	p.mu.Lock()
	m := faulttest.Message{Publisher: p.name, N: p.n + 1}
	p.mu.Unlock()
	text := m.String()
	if p.size > len(text) {
		text += " " + strings.Repeat("x", p.size-len(text)-1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	log := faulttest.Publish{Message: m, Room: p.room, Begun: time.Since(p.began)}
	answer, err := p.line.Ask(ctx, spout.Text(p.kind+"/"+p.room+" "+text))
	switch {
	case errors.Is(err, client.ErrDisconnected):
		return false
	case err != nil || answer.String() == uncertain:
		log.Outcome = faulttest.Uncertain
	case answer.String() == acknowledged:
		log.Outcome = faulttest.Acknowledged
	default:
		log.Outcome = faulttest.Failed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n = m.N
	p.publishes = append(p.publishes, log)
	if log.Outcome == faulttest.Acknowledged {
		p.acked++
		return true
	}
	return false
}

// line is a connection of publishers to a node. It is made again when it ends.
type line struct {
	dialer *spout.Dialer
	conn   atomic.Pointer[spout.Conn]
	asker  hub.Asker
}

// run keeps the line up until ctx ends.
func (l *line) run(ctx context.Context) {
	for ctx.Err() == nil {
		bound, cancel := context.WithTimeout(ctx, 10*time.Second)
		c, err := l.dialer.Dial(bound, "ws://nodes/publish")
		cancel()
		if err != nil {
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		l.conn.Store(c)
		for m, err := range c.Messages(ctx) {
			if err == nil {
				l.asker.Answered(c, m)
			}
		}
		l.conn.Store(nil)
		c.CloseNow()
	}
}

// Ask is hub.Asker's; what is not sent for lack of a connection is told apart.
func (l *line) Ask(ctx context.Context, m spout.Message) (spout.Message, error) {
	c := l.conn.Load()
	if c == nil {
		return spout.Message{}, client.ErrDisconnected
	}
	answer, err := l.asker.Ask(ctx, c, m)
	if errors.Is(err, hub.ErrUnanswered) {
		return answer, fmt.Errorf("%w: %w", client.ErrDisconnected, err)
	}
	return answer, err
}
