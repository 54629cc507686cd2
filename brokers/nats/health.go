package natsbroker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// redAfter is how old the last sign of health may be.
	redAfter = 3 * time.Second
	// replaceAfter is when a connection is given up that seems to work, but over which nothing comes back.
	replaceAfter = 4 * time.Second
)

// Health returns nil if all is well, else what is not. It does not wait for anything: what it tells was
// found by a message that each node sends itself every 0.7 s, through the same subscriptions and queues as
// all others, and by asking JetStream as often if the broker has rooms with history. A fault is told
// within 5 s, and not any more within a second after it has ended.
func (b *Broker) Health() error {
	b.mu.Lock()
	closed, l := b.closed, b.history
	b.mu.Unlock()
	if closed {
		return errClosed
	}
	switch back, echo := since(&b.nodes.back), since(&b.nodes.echo); {
	case back > redAfter && !b.link.up.Load():
		return fmt.Errorf("natsbroker: no connection to NATS for %.1f s", back.Seconds())
	case back > redAfter:
		return fmt.Errorf("natsbroker: connected to NATS, but nothing came back from it for %.1f s", back.Seconds())
	case echo > redAfter:
		return fmt.Errorf("natsbroker: what comes is not delivered for %.1f s: a Subscriber does not return", echo.Seconds())
	}
	if l == nil {
		return nil
	}
	if silent := since(&l.checked); silent > redAfter {
		return fmt.Errorf("natsbroker: JetStream did not work for %.1f s: rooms with history can't be used", silent.Seconds())
	}
	return nil
}

// ServeHTTP answers with the [Broker.Health]: {"healthy":true} and 200, or 503 with "healthy":false and the
// reason.
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Healthy bool   `json:"healthy"`
		Reason  string `json:"reason,omitempty"`
	}{Healthy: true}
	status := http.StatusOK
	if err := b.Health(); err != nil {
		answer.Healthy, answer.Reason = false, err.Error()
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) // an error is the client's
}

// heal replaces a connection that seems to work, but over which nothing comes back: for example because the
// server has forgotten a subscription.
func (b *Broker) heal() {
	if !b.link.up.Load() || since(&b.nodes.back) < replaceAfter || since(&b.link.since) < replaceAfter {
		return
	}
	b.log.Warn("natsbroker: nothing comes back from NATS: connecting again")
	if err := b.link.ForceReconnect(); err != nil {
		b.log.Warn("natsbroker: connecting again", "error", err)
	}
}

var started = time.Now()

// uptime is a time that can be stored, in nanoseconds of a clock that does not jump.
func uptime() int64 { return int64(time.Since(started)) }

// since returns the time since an uptime.
func since(at *atomic.Int64) time.Duration { return time.Duration(uptime() - at.Load()) }
