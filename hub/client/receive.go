package client

import (
	"context"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// ahead is how many messages are received before the loop wants them: so an answer gets through while its body asks.
const ahead = 64

// received is a message of the server's, and the envelope or the question that it is.
type received struct {
	message  spout.Message
	envelope *hub.Envelope // nil if it is none
	question *hub.Question
}

// receive reads until the connection or ctx has ended. Answers go to who has asked, everything else to messages.
func (c *Client) receive(ctx context.Context, conn *spout.Conn, messages chan<- received) error {
	for {
		m, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		r := received{message: m}
		var e hub.Envelope
		if q, ok := hub.Asked(conn, m); ok {
			r.question = q
		} else if c.asker.Answered(conn, m) {
			continue
		} else if m.Type == spout.TextMessage && m.Decode(&e) == nil {
			r.envelope = &e
		}
		select {
		case messages <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deliver yields what follows from a message. The error is errStopped, or says how the server contradicts itself.
func (c *Client) deliver(r received, yield func(Event) bool) error {
	other := Event{Type: Other, Message: r.message}
	switch {
	case r.question != nil:
		other.Type, other.Message, other.Question = hub.Ask, r.question.Message, r.question
	case r.envelope != nil:
		switch r.envelope.Type {
		case hub.Joined, hub.Message, hub.Gap, hub.Enter, hub.Exit:
			return c.deliverEnvelope(r.envelope, yield)
		}
	}
	return stopped(yield(other))
}

// deliverEnvelope yields an envelope that belongs to a room, after the gap that it shows.
func (c *Client) deliverEnvelope(e *hub.Envelope, yield func(Event) bool) error {
	gap, deliver, err := c.rooms.take(e)
	if gap != nil {
		if !yield(event(gap)) {
			return errStopped
		}
		if !deliver {
			_, deliver, err = c.rooms.take(e)
		}
	}
	if err != nil || !deliver {
		return err
	}
	return stopped(yield(event(e)))
}

func stopped(goOn bool) error {
	if !goOn {
		return errStopped
	}
	return nil
}
