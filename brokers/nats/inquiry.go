package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/spoutws/spout/hub"
)

const (
	roomsAtOnce  = 100  // that one question asks for
	partOverhead = 1024 // more than what stands around members
)

var errSilent = errors.New("not all nodes have answered")

// inquiry is the questions for the members of rooms that are under way. It is guarded by presence.mu.
type inquiry struct {
	number  uint64          // of the last question
	toAsk   map[string]bool // the rooms that the next one asks for
	waiting map[string][]*collector
}

// collector waits for what all nodes answer for a room.
type collector struct {
	number  uint64          // of the question; 0 if it was not asked yet
	nodes   map[uint64]bool // that have not answered
	members []hub.Member
	done    chan struct{}
}

// roll is whom a node has in a room, or a part of them.
type roll struct {
	Number  uint64       `json:"number"` // of the question
	Node    uint64       `json:"node"`
	Members []hub.Member `json:"members"`
	Part    int          `json:"part"`
	More    bool         `json:"more,omitempty"`
}

func (q *inquiry) init() {
	q.toAsk = map[string]bool{}
	q.waiting = map[string][]*collector{}
}

// inquire asks all nodes for the members of a room. When it returns, who watches the room here has heard of
// them, too.
func (p *presence) inquire(ctx context.Context, token string) (members []hub.Member, err error) {
	err = p.again(ctx, func(ctx context.Context) error {
		members, err = p.inquireOnce(ctx, token)
		return err
	})
	return members, err
}

func (p *presence) inquireOnce(ctx context.Context, token string) ([]hub.Member, error) {
	c := &collector{done: make(chan struct{})}
	p.mu.Lock()
	p.waiting[token] = append(p.waiting[token], c)
	p.toAsk[token] = true
	p.mu.Unlock()
	defer p.forget(token, c)
	if err := p.asks.wait(ctx); err != nil {
		return nil, err
	}
	ctx, end := p.link.attempt(ctx, attemptTime)
	defer end()
	select {
	case <-c.done:
		return c.members, nil
	case <-ctx.Done():
		return nil, errSilent
	case <-p.closing:
		return nil, errClosed
	}
}

func (p *presence) forget(token string, c *collector) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[token] = slices.DeleteFunc(p.waiting[token], func(other *collector) bool { return other == c })
	if len(p.waiting[token]) == 0 {
		delete(p.waiting, token)
	}
}

// askAgain has all nodes asked for the members of a room, and does not wait.
func (p *presence) askAgain(token string) {
	p.mu.Lock()
	p.toAsk[token] = true
	p.mu.Unlock()
	p.asks.start()
}

// ask asks all nodes for all rooms that are to be asked for.
func (p *presence) ask() error {
	if !p.link.up.Load() {
		return errDown // who watches hears of it when the connection is there again
	}
	living := p.nodes.living()
	p.mu.Lock()
	p.number++
	number := p.number
	rooms := slices.Collect(maps.Keys(p.toAsk))
	clear(p.toAsk)
	for _, token := range rooms {
		for _, c := range p.waiting[token] {
			if c.number == 0 {
				c.number, c.nodes = number, maps.Clone(living)
			}
		}
	}
	p.mu.Unlock()
	for some := range slices.Chunk(rooms, roomsAtOnce) {
		if !p.nodes.send(p.subject(kindAsk), question{From: p.nodes.self, ID: number, Rooms: some}) {
			return errDown
		}
	}
	return nil
}

// answer tells a node whom this one has.
func (p *presence) answer(q question) {
	p.turn.Lock()
	defer p.turn.Unlock()
	for _, token := range q.Rooms {
		p.mu.Lock()
		members := slices.Collect(maps.Values(p.local[token]))
		p.mu.Unlock()
		s := roll{Number: q.ID, Node: p.nodes.self}
		for part, more := range parts(members, p.partSize()) {
			s.Members, s.More = part, more
			p.nodes.send(p.subject(kindTo, nodeName(q.From), kindWho, token), s)
			s.Part++
		}
	}
}

// called takes an answer. The room's worker calls it, as it does with what is told of the room: so both
// keep their order.
func (p *presence) called(token string, data []byte) {
	var s roll
	if err := json.Unmarshal(data, &s); err != nil {
		p.bad(p.subject(kindTo), err)
		return
	}
	if !p.nodes.lives(s.Node) {
		return
	}
	p.each(nil, token, func(r *roster) { r.replace(&s) })
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.waiting[token] {
		if c.number == s.Number && c.nodes[s.Node] {
			c.members = append(c.members, s.Members...)
			if !s.More {
				c.without(s.Node)
			}
		}
	}
}

// without no longer waits for a node.
func (p *presence) without(node uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range p.waiting {
		for _, c := range all {
			if c.nodes[node] {
				c.without(node)
			}
		}
	}
}

func (c *collector) without(node uint64) {
	if delete(c.nodes, node); len(c.nodes) == 0 {
		close(c.done)
	}
}

func (p *presence) partSize() int { return int(p.link.MaxPayload()) - partOverhead }

// parts cuts a list into parts that fit into a message each, at least one. The second value tells that
// there is more.
func parts[T any](list []T, limit int) iter.Seq2[[]T, bool] {
	return func(yield func([]T, bool) bool) {
		begin, size := 0, 0
		for i := range list {
			encoded, _ := json.Marshal(list[i])
			if i > begin && size+len(encoded) > limit {
				if !yield(list[begin:i], true) {
					return
				}
				begin, size = i, 0
			}
			size += len(encoded) + 1
		}
		yield(list[begin:], false)
	}
}
