package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

// presence is who is in a room. Each node keeps its own members, tells all who watch of those that come and
// go, and tells all of them whom it has to whoever asks. Members of a node that is gone are gone.
type presence struct {
	*Broker
	tells group // of news
	asks  group // of rooms to be asked for

	// turn is held while something is told, from when it was looked up: nothing older comes after it.
	turn sync.Mutex

	mu      sync.Mutex
	local   map[string]map[string]hub.Member // of this node, by token and ID
	news    map[string][]move                // that nobody was told yet, by token
	rosters map[string][]*roster             // of those who watch, by token
	inquiry
}

// move is somebody who came or went.
type move struct {
	Came *hub.Member `json:"came,omitempty"`
	Left string      `json:"left,omitempty"`
}

// moves is what a node tells of a room.
type moves struct {
	Node  uint64 `json:"node"`
	Moves []move `json:"moves"`
}

func (p *presence) init(b *Broker) {
	p.Broker = b
	p.tells.run = p.tell
	p.asks.run = p.ask
	p.local = map[string]map[string]hub.Member{}
	p.news = map[string][]move{}
	p.rosters = map[string][]*roster{}
	p.inquiry.init()
}

// Enter implements [hub.PresenceBroker]. It does not wait: the other nodes hear of m at once if they can be
// reached, and when they can be reached again if not.
func (b *Broker) Enter(ctx context.Context, room string, m hub.Member) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	m.Node = b.nodes.name
	encoded, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("natsbroker: room %q: member %q: %w", room, m.ID, err)
	}
	if err := b.link.sendable(room, len(encoded)+partOverhead); err != nil && !errors.Is(err, errDown) {
		return err
	}
	tok, p := wire.Token(room), &b.presence
	p.mu.Lock()
	if p.local[tok] == nil {
		p.local[tok] = map[string]hub.Member{}
	}
	p.local[tok][m.ID] = m
	p.news[tok] = append(p.news[tok], move{Came: &m})
	p.mu.Unlock()
	p.tells.start()
	return nil
}

// Exit implements [hub.PresenceBroker]. Like Enter it does not wait.
func (b *Broker) Exit(_ context.Context, room, id string) error {
	tok, p := wire.Token(room), &b.presence
	p.mu.Lock()
	_, there := p.local[tok][id]
	if there {
		if delete(p.local[tok], id); len(p.local[tok]) == 0 {
			delete(p.local, tok)
		}
		p.news[tok] = append(p.news[tok], move{Left: id})
	}
	p.mu.Unlock()
	if there {
		p.tells.start()
	}
	return nil
}

// tell tells who watches what is new. Meanwhile there is more, which is told at once then.
func (p *presence) tell() error {
	p.tellNews()
	return p.link.flush() // if it fails, those who watch notice, and ask
}

func (p *presence) tellNews() {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.mu.Lock()
	news := p.news
	p.news = map[string][]move{}
	p.mu.Unlock()
	for token, all := range news {
		for part := range parts(all, p.partSize()) {
			data, err := json.Marshal(moves{p.nodes.self, part})
			if err == nil {
				err = p.senders.publishOrMiss(p.subject(kindWho, token), data)
			}
			if err != nil && !isCertain(err) {
				p.log.Warn("natsbroker: who came or went may have to be asked for", "error", err)
			}
		}
	}
}

// Members implements [hub.PresenceBroker]. Where the room is watched here, who is there is known. Else it asks
// all nodes, and waits for those that live: for one that has died until that is noticed.
func (b *Broker) Members(ctx context.Context, room string) ([]hub.Member, error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	if members, ok := b.presence.known(wire.Token(room)); ok {
		return members, nil
	}
	members, err := b.presence.inquire(ctx, wire.Token(room))
	if err != nil {
		return nil, fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
	return members, nil
}

// known returns who is in a room, as far as has been told, if somebody watches it here and NATS can be reached.
func (p *presence) known(token string) (members []hub.Member, ok bool) {
	if !p.link.up.Load() {
		return nil, false
	}
	p.mu.Lock()
	if len(p.rosters[token]) == 0 {
		p.mu.Unlock()
		return nil, false
	}
	r := p.rosters[token][0]
	own := slices.Collect(maps.Values(p.local[token]))
	p.mu.Unlock()
	type answer struct {
		others []hub.Member
		ok     bool
	}
	answers := make(chan answer, 1)
	p.inbox.doAt(r.worker, func() { answers <- answer{r.others(), r.begun} })
	select {
	case a := <-answers:
		return append(a.others, own...), a.ok
	case <-p.closing:
		return nil, false
	}
}

// Watch implements [hub.PresenceBroker].
func (b *Broker) Watch(ctx context.Context, room string, f func(hub.PresenceEvent)) (cancel func(), err error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	how, tok, p := b.counted(kindWho, room), wire.Token(room), &b.presence
	r := &roster{p: p, token: tok, worker: b.inbox.worker(how.key), members: map[uint64]map[string]hub.Member{}, parts: map[uint64][]hub.Member{}, f: f}
	p.mu.Lock()
	p.rosters[tok] = append(p.rosters[tok], r)
	p.mu.Unlock()
	forget := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.rosters[tok] = slices.DeleteFunc(p.rosters[tok], func(other *roster) bool { return other == r })
		if len(p.rosters[tok]) == 0 {
			delete(p.rosters, tok)
		}
	}
	end, err := b.subscribe(ctx, how, r)
	if err == nil {
		if _, err = p.inquire(ctx, tok); err != nil {
			end()
		}
	}
	if err != nil {
		forget()
		return nil, fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
	begun := make(chan struct{})
	b.inbox.doAt(r.worker, func() {
		r.begun = true
		close(begun)
	})
	select {
	case <-begun:
	case <-b.closing:
	}
	return sync.OnceFunc(func() {
		r.ended.Store(true)
		end()
		forget()
	}), nil
}

// each calls f with the rosters of a room that its worker has to call, or of all rooms for "".
func (p *presence) each(w *worker, token string, f func(r *roster)) {
	p.mu.Lock()
	var mine []*roster
	if token != "" {
		mine = slices.Clone(p.rosters[token])
	} else {
		for _, all := range p.rosters {
			for _, r := range all {
				if r.worker == w {
					mine = append(mine, r)
				}
			}
		}
	}
	p.mu.Unlock()
	for _, r := range mine {
		f(r)
	}
}

// came is called when there is a node that was not there before, if only for a while.
func (p *presence) came(node uint64) {
	p.mu.Lock()
	tokens := make([]string, 0, len(p.rosters))
	for token := range p.rosters {
		tokens = append(tokens, token)
	}
	p.mu.Unlock()
	for some := range slices.Chunk(tokens, roomsAtOnce) {
		p.nodes.send(p.subject(kindAsk), question{From: p.nodes.self, To: node, Rooms: some})
	}
}

// gone is called when a node is dead, or has left.
func (p *presence) gone(node uint64) {
	p.without(node)
	for _, w := range p.inbox.workers {
		w.push(item{call: func() {
			p.each(w, "", func(r *roster) { r.gone(node) })
		}})
	}
}
