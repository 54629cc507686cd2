package natsbroker

import (
	"errors"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/hub"
)

var errNotDelivered = errors.New("messages that JetStream has stored did not come")

// So much is kept of a room of which it is not known yet where it stands.
const (
	maxEarly      = 1000
	maxEarlyBytes = 4 << 20
)

// chain is the feed of a room with history.
type chain struct {
	log   *historyLog
	begun bool
	epoch string
	last  uint64      // the sequence up to which all was delivered, or told
	early []*nats.Msg // before it has begun
	size  int         // of early, in bytes
}

// begin says where the room stands. What has come before, and is after that, follows.
func (c *chain) begin(r *room, epoch string, last uint64) {
	c.begun, c.epoch, c.last = true, epoch, last
	early := c.early
	c.early = nil
	for _, m := range early {
		c.receive(r, m)
	}
}

func (c *chain) lost(*room) {}

func (c *chain) receive(r *room, m *nats.Msg) {
	if !c.begun {
		if c.size += len(m.Data); len(c.early) < maxEarly && c.size < maxEarlyBytes {
			c.early = append(c.early, m)
		}
		return // what is too much is missing in the chain
	}
	epoch := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	if epoch == markToken {
		c.mark(r, string(m.Data))
		return
	}
	sequence, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		c.log.bad(m.Subject, err)
		return
	}
	previous, err := strconv.ParseUint(m.Header.Get("Nats-Last-Sequence"), 10, 64)
	if err != nil {
		c.log.bad(m.Subject, err)
		return
	}
	if epoch == c.epoch {
		if sequence <= c.last {
			return // it is part of where the room stood
		}
		if previous == 0 {
			previous = c.last // all before it is too old to be kept; it was delivered, or told
		}
	} else {
		c.log.distrust()
	}
	c.log.saw(epoch, place{sequence, m.Header.Get(nats.MsgIdHdr)})
	c.epoch, c.last = epoch, sequence
	r.deliver(hub.Delivery{Data: m.Data, Position: hub.Position{Epoch: epoch, Offset: sequence}, Previous: previous})
}

// mark takes the news of a node that it had appended up to a position.
func (c *chain) mark(r *room, text string) {
	p, err := hub.ParsePosition(text)
	if err != nil {
		c.log.bad(r.subject, err)
		return
	}
	if p.Epoch == c.epoch && p.Offset > c.last {
		c.last = p.Offset
		r.tell(errNotDelivered)
	}
}
