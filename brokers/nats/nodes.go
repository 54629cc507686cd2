package natsbroker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	beatInterval = 700 * time.Millisecond
	// A node is dead when so many beats of this one came back since its last one: 2.1 to 2.8 s after it. In
	// beats, not in time: one that slept does not take all others for dead when it wakes.
	deadAfter = 4
	// With how many beats, at the most, a new node is heard first.
	firstBeats = 3
	// At one server all nodes answer within this, if they are not very busy.
	meetTime = 100 * time.Millisecond
)

// nodes are those who share the rooms, as far as they tell each other by beats.
type nodes struct {
	*Broker
	self uint64 // random, so that one that starts again is another one
	name string

	number  uint64       // of the last beat; guarded by mu
	back    atomic.Int64 // when a beat of this node last came back
	echo    atomic.Int64 // and when all workers were through with what came before
	first   chan struct{}
	met     atomic.Bool // all others have been heard
	metOnce sync.Once

	mu      sync.Mutex
	known   map[uint64]*node // but for this one
	syncing map[uint64]*syncing
	asks    uint64
}

// node is another node.
type node struct {
	server string // that it is connected to
	number uint64 // of its last beat
	dials  uint64 // how often it had connected
	silent int    // how many beats of this node came back since
	fresh  bool   // this node was away: that beats are missing means nothing
}

// beat is what each node tells all others all the time.
type beat struct {
	Node   uint64 `json:"node"`
	Server string `json:"server"`
	Number uint64 `json:"number"`
	Dials  uint64 `json:"dials"`
	Hello  bool   `json:"hello,omitempty"` // asks for a beat of all
	Bye    bool   `json:"bye,omitempty"`
}

func nodeName(id uint64) string { return strconv.FormatUint(id, 36) }

func (n *nodes) init(b *Broker) {
	var random [8]byte
	rand.Read(random[:])
	n.Broker = b
	n.self = binary.BigEndian.Uint64(random[:])
	n.name = nodeName(n.self)
	n.known = map[uint64]*node{}
	n.syncing = map[uint64]*syncing{}
	n.first = make(chan struct{})
}

// beat tells the others that this node lives, until it is closed. It also looks after what was published.
func (n *nodes) beat() {
	tick := time.NewTicker(beatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.closing:
			return
		}
		if !n.link.up.Load() {
			continue
		}
		n.say(beat{})
		n.heal()
		quiet := time.Second
		if !n.link.clustered() {
			quiet = publisherIdle // with one server what is lost was lost with the connection
		}
		if err := n.senders.mark(quiet); err != nil {
			n.log.Warn("natsbroker: could not say how far this node came", "error", err)
		}
	}
}

func (n *nodes) say(s beat) {
	server := n.link.ConnectedServerId()
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Node, s.Server, s.Number, s.Dials = n.self, server, n.number+1, n.link.dials.Load()
	if n.send(n.subject(kindNode), s) {
		n.number++
	}
}

func (n *nodes) send(subject string, v any) (sent bool) {
	b, err := json.Marshal(v)
	if err == nil {
		err = n.link.Publish(subject, b)
	}
	if err != nil && !n.ended() {
		n.log.Warn("natsbroker: could not be sent", "subject", subject, "error", err)
	}
	return err == nil
}

// meet tells the others of this node, and waits until its own beat comes back, and for theirs. In a cluster that
// is until each has told one by itself, since their servers may learn only now that this one listens. Who is
// heard later is met later: then its members are asked for.
func (n *nodes) meet(ctx context.Context) error {
	defer n.met.Store(true)
	n.say(beat{Hello: true})
	wait, end := context.WithTimeout(ctx, patience)
	defer end()
	select {
	case <-n.first:
	case <-wait.Done():
		return wait.Err()
	}
	others := meetTime
	if n.link.clustered() {
		others = beatInterval + slack
	}
	n.say(beat{Hello: true})
	select {
	case <-time.After(others):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *nodes) leave() { n.say(beat{Bye: true}) }

// returned notes that this node was away.
func (n *nodes) returned() {
	n.mu.Lock()
	for _, other := range n.known {
		other.silent = 0
		other.fresh = true
	}
	n.mu.Unlock()
	n.say(beat{Hello: true})
	if err := n.senders.mark(0); err != nil {
		n.log.Warn("natsbroker: could not say how far this node came", "error", err)
	}
}

// heard takes a beat.
func (n *nodes) heard(data []byte) {
	var s beat
	if err := json.Unmarshal(data, &s); err != nil {
		n.bad(n.subject(kindNode), err)
		return
	}
	if s.Node == n.self {
		n.heardSelf()
		return
	}
	server := n.link.ConnectedServerId()
	n.mu.Lock()
	other := n.known[s.Node]
	var missing uint64
	came := other == nil
	if came {
		if s.Bye {
			n.mu.Unlock()
			return
		}
		other = &node{}
		n.known[s.Node] = other
		if s.Number > firstBeats && s.Server != server && n.met.Load() {
			missing = s.Number - 1 // it has lived behind a partition, or was taken for dead
		}
		n.log.Info("natsbroker: a node came", "node", nodeName(s.Node))
	} else if s.Number > other.number && !other.fresh && s.Dials == other.dials && s.Server != server {
		missing = s.Number - other.number - 1
	}
	*other = node{server: s.Server, number: s.Number, dials: s.Dials}
	if s.Bye {
		delete(n.known, s.Node)
		n.log.Info("natsbroker: a node left", "node", nodeName(s.Node))
	}
	n.checkSyncs()
	n.mu.Unlock()
	switch {
	case s.Bye:
		n.presence.gone(s.Node)
	case came:
		n.presence.came(s.Node)
	}
	if s.Hello {
		n.say(beat{})
	}
	if missing > 0 {
		n.doubtNow(fmt.Errorf("%d beats of node %s did not come", missing, nodeName(s.Node)))
	}
}

// heardSelf takes a beat of this node: the connection and the subscriptions work, and of whom
// nothing came for some beats is dead.
func (n *nodes) heardSelf() {
	server := n.link.ConnectedServerId()
	n.back.Store(uptime())
	left := new(atomic.Int32)
	left.Store(int32(len(n.inbox.workers)))
	for _, w := range n.inbox.workers {
		w.push(item{call: func() {
			if left.Add(-1) == 0 {
				n.echo.Store(uptime())
				n.metOnce.Do(func() { close(n.first) })
			}
		}})
	}
	n.mu.Lock()
	var dead []uint64
	elsewhere := false
	for id, other := range n.known {
		if other.silent++; other.silent >= deadAfter {
			dead = append(dead, id)
			elsewhere = elsewhere || other.server != server
			delete(n.known, id)
		}
	}
	n.checkSyncs()
	n.mu.Unlock()
	for _, id := range dead {
		n.log.Warn("natsbroker: a node is dead", "node", nodeName(id))
		n.presence.gone(id)
	}
	if elsewhere {
		// Its server may have gone with it, and what it had taken and not passed on.
		n.doubtNow(fmt.Errorf("node %s and what it published last are gone", nodeName(dead[0])))
	}
}

// lives reports whether a node is not known to be dead.
func (n *nodes) lives(id uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return id == n.self || n.known[id] != nil
}

// living returns the nodes that live, this one too.
func (n *nodes) living() map[uint64]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[uint64]bool{n.self: true}
	for id := range n.known {
		all[id] = true
	}
	return all
}

// doubtNow tells all rooms that something may be lost.
func (n *nodes) doubtNow(reason error) {
	dials := n.link.dials.Load()
	n.doubt(reason)
	n.resolve(dials, func(*room) bool { return true })
}
