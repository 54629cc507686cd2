package natsbroker

import (
	"encoding/json"
	"time"
)

// syncTime is how long all servers may take.
const syncTime = time.Second

// syncing waits for an answer from each server that other nodes are connected to.
type syncing struct {
	answered map[string]bool // servers, that of this node too
	done     chan struct{}
}

// question is for all nodes: for the members of rooms, or else only for an answer.
type question struct {
	From  uint64   `json:"from"`
	ID    uint64   `json:"id"`
	To    uint64   `json:"to,omitempty"` // if only one node is asked
	Rooms []string `json:"rooms,omitempty"`
}

type answer struct {
	Server string `json:"server"`
	ID     uint64 `json:"id"`
}

// sync waits until a node at each other server has answered: what came before at this server has then come
// to them, subscriptions too, and what came to them before has come here.
func (n *nodes) sync() error {
	if !n.link.clustered() {
		return nil
	}
	s := &syncing{answered: map[string]bool{n.link.ConnectedServerId(): true}, done: make(chan struct{})}
	n.mu.Lock()
	n.asks++
	id := n.asks
	n.syncing[id] = s
	n.checkSyncs()
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.syncing, id)
		n.mu.Unlock()
	}()
	select {
	case <-s.done:
		return nil
	default:
	}
	n.send(n.subject(kindAsk), question{From: n.self, ID: id})
	select {
	case <-s.done:
	case <-time.After(syncTime):
		// They are dead, or slow: who does not answer for so long knows by now what this node listens to.
		n.log.Warn("natsbroker: not all nodes answer")
	case <-n.closing:
		return errClosed
	}
	return nil
}

// checkSyncs ends those that have all answers, as far as it is known where nodes are. n.mu is held.
func (n *nodes) checkSyncs() {
	for id, s := range n.syncing {
		all := true
		for _, other := range n.known {
			all = all && s.answered[other.server]
		}
		if all {
			close(s.done)
			delete(n.syncing, id)
		}
	}
}

// asked answers a question.
func (n *nodes) asked(data []byte) {
	var q question
	if err := json.Unmarshal(data, &q); err != nil {
		n.bad(n.subject(kindAsk), err)
		return
	}
	if q.To != 0 && q.To != n.self {
		return
	}
	if q.Rooms != nil {
		n.presence.answer(q)
		return
	}
	n.send(n.subject(kindTo, nodeName(q.From), "sync"), answer{Server: n.link.ConnectedServerId(), ID: q.ID})
}

// answered takes an answer.
func (n *nodes) answered(data []byte) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		n.bad(n.subject(kindTo), err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.syncing[a.ID]; s != nil {
		s.answered[a.Server] = true
		n.checkSyncs()
	}
}
