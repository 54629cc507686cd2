package natsbroker

import (
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/spoutws/spout/hub"
)

// roster is what one who watches a room knows of who is there. But for ended it belongs to the worker.
type roster struct {
	p      *presence
	token  string
	worker *worker
	f      func(hub.PresenceEvent)
	ended  atomic.Bool

	begun   bool // f is called
	members map[uint64]map[string]hub.Member
	parts   map[uint64][]hub.Member // of answers that are not complete
}

// Deliver takes what a node tells.
func (r *roster) Deliver(d hub.Delivery) {
	var m moves
	if err := json.Unmarshal(d.Data, &m); err != nil {
		r.p.bad(r.token, err)
		return
	}
	if !r.p.nodes.lives(m.Node) {
		return // it is asked when it is heard of
	}
	for _, one := range m.Moves {
		if one.Came != nil {
			r.enter(m.Node, *one.Came)
		} else {
			r.exit(m.Node, one.Left)
		}
	}
}

// Lost has all nodes asked.
func (r *roster) Lost(error) { r.p.askAgain(r.token) }

func (r *roster) enter(node uint64, m hub.Member) {
	if r.members[node] == nil {
		r.members[node] = map[string]hub.Member{}
	}
	if _, there := r.members[node][m.ID]; !there {
		r.members[node][m.ID] = m
		r.tell(hub.PresenceEvent{Member: m})
	}
}

func (r *roster) exit(node uint64, id string) {
	if m, there := r.members[node][id]; there {
		delete(r.members[node], id)
		r.tell(hub.PresenceEvent{Member: m, Left: true})
	}
}

// replace takes all members that a node has, part by part.
func (r *roster) replace(s *roll) {
	if s.Part == 0 {
		r.parts[s.Node] = nil
	}
	all := append(r.parts[s.Node], s.Members...)
	if s.More {
		r.parts[s.Node] = all
		return
	}
	delete(r.parts, s.Node)
	there := make(map[string]bool, len(all))
	for _, m := range all {
		there[m.ID] = true
	}
	for id := range r.members[s.Node] {
		if !there[id] {
			r.exit(s.Node, id)
		}
	}
	for _, m := range all {
		r.enter(s.Node, m)
	}
}

func (r *roster) gone(node uint64) {
	for id := range r.members[node] {
		r.exit(node, id)
	}
	delete(r.members, node)
	delete(r.parts, node)
}

// others returns who is there on other nodes.
func (r *roster) others() (members []hub.Member) {
	for node, all := range r.members {
		if node != r.p.nodes.self {
			members = slices.AppendSeq(members, maps.Values(all))
		}
	}
	return members
}

func (r *roster) tell(e hub.PresenceEvent) {
	if r.begun && !r.ended.Load() {
		r.f(e)
	}
}
