package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/faulttest"
	"github.com/spoutws/spout/spouttest"
)

// A model is two nodes with a broker that does its worst, publishers and clients. A script drives it, one step for
// each byte; after each, or after some, everything comes to rest. Then no client may have missed a message without a word,
// got one twice or in another order, or know another who is in the room than the broker.
type model struct {
	t       *testing.T
	broker  *modelBroker
	hubs    [2]*hub.Hub
	clients []*modelClient
	clock   atomic.Int64

	sent    [3]int
	publish []faulttest.Publish
	gaps    atomic.Int64
}

const modelRoom = "lobby"

// modelClient is one that comes and goes, and comes back where it stood if it gets envelopes.
type modelClient struct {
	*model
	name  string
	hub   *hub.Hub
	plain bool

	mu      sync.Mutex
	conn    *spout.Conn // nil while it is away
	events  []faulttest.Event
	since   hub.Position
	present map[string]bool
	id      string
	earlier []faulttest.Subscription // of a plain one, for each time that it was there
}

// newModel returns a model whose broker keeps so many messages, and its rooms have no history if that is 0.
func newModel(t *testing.T, size int) *model {
	m := &model{t: t, broker: &modelBroker{size: size}}
	var history *hub.History
	if size > 0 {
		history = new(hub.History)
	}
	for i := range m.hubs {
		m.hubs[i] = &hub.Hub{Broker: m.broker, History: history, Presence: true, Logger: slog.New(slog.DiscardHandler),
			OnGap: func(string, error) { m.gaps.Add(1) }}
	}
	for i := range 6 {
		m.clients = append(m.clients, &modelClient{model: m, name: fmt.Sprint("client ", i), hub: m.hubs[i%2], plain: i >= 4})
	}
	return m
}

func (m *model) now() time.Duration { return time.Duration(m.clock.Add(1)) }

// step does what a byte of the script says. With whole, the broker loses nothing that it has kept.
func (m *model) step(b byte, whole bool) {
	what, which := b%16, int(b/16)
	switch {
	case what <= 3:
		m.append(which)
	case what <= 5:
		m.broker.deliver(m.broker.sub(which), 1, false)
	case what == 6:
		m.broker.deliver(m.broker.sub(which), 1<<20, false)
	case what == 7:
		m.broker.deliver(m.broker.sub(which), 1+which/4, true)
	case what == 8:
		m.broker.lost(m.broker.sub(which))
	case what <= 11:
		m.clients[which%len(m.clients)].comeOrGo()
	case what == 12:
		m.broker.set(func() {
			if m.broker.down != nil {
				m.broker.down = nil
			} else if which < 8 {
				m.broker.down = errModelDown
			}
		})
	case what == 13:
		m.broker.hold()
	case what == 14 && which < 4 && !whole:
		m.broker.restart()
	case what == 14 && which < 8:
		m.broker.set(func() { m.broker.uncertain = true })
	case what == 15:
		time.Sleep(time.Duration(which) * 800 * time.Millisecond)
	}
}

// append publishes a message.
func (m *model) append(publisher int) {
	publisher %= len(m.sent)
	m.sent[publisher]++
	p := faulttest.Publish{Message: faulttest.Message{Publisher: fmt.Sprint(publisher), N: m.sent[publisher]}, Room: modelRoom, Begun: m.now()}
	switch err := m.hubs[publisher%2].Publish(context.Background(), modelRoom, spout.Text(fmt.Sprint(publisher, " ", p.N))); {
	case err == nil:
		p.Outcome = faulttest.Acknowledged
	case !errors.Is(err, hub.ErrUncertain):
		p.Outcome = faulttest.Failed
	}
	m.publish = append(m.publish, p)
}

// settle has the broker do what it should, until everything has come to rest.
func (m *model) settle() {
	m.broker.set(func() {
		m.broker.down, m.broker.uncertain = nil, false
		if m.broker.held != nil {
			close(m.broker.held)
			m.broker.held = nil
		}
	})
	all := func(f func(s *modelSubscription)) {
		for i := range m.hubs {
			if s := m.broker.sub(i); s != nil {
				f(s)
			}
		}
		synctest.Wait()
	}
	time.Sleep(15 * time.Second)
	m.append(0)
	all(func(s *modelSubscription) {
		if m.broker.deliver(s, 1<<20, false); s.silent {
			m.broker.lost(s)
		}
	})
	time.Sleep(15 * time.Second)
	m.append(0)
	all(func(s *modelSubscription) { m.broker.deliver(s, 1<<20, false) }) // is enough, without waiting

	// What is lost while the broker says what was lost before.
	m.broker.hold()
	all(m.broker.lost)
	m.append(0)
	all(func(s *modelSubscription) { m.broker.deliver(s, 1<<20, true) })
	all(m.broker.lost)
	m.broker.hold()
	synctest.Wait()
}

func (m *model) check(whole bool) (wrong []string) {
	var subscriptions []faulttest.Subscription
	present := map[string]bool{}
	there := map[string]bool{}
	members, _ := m.broker.Members(context.Background(), modelRoom)
	for _, member := range members {
		present[member.ID] = true
	}
	for _, c := range m.clients {
		c.mu.Lock()
		subscriptions = append(append(subscriptions, c.earlier...), c.log())
		if c.conn != nil {
			there[c.id] = true
			if !c.plain && !maps.Equal(c.present, present) {
				wrong = append(wrong, fmt.Sprintf("%s takes %v to be in the room, which are %v", c.name, c.present, present))
			}
		}
		c.mu.Unlock()
	}
	if !maps.Equal(there, present) {
		wrong = append(wrong, fmt.Sprintf("%v are in the room, the broker knows %v", there, present))
	}
	if !whole {
		subscriptions = slices.DeleteFunc(subscriptions, func(s faulttest.Subscription) bool { return strings.HasSuffix(s.Name, "plain") })
	} else if n := m.gaps.Load(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d gaps were announced, though everything was kept", n))
	}
	return append(wrong, faulttest.Check(m.publish, subscriptions).Violations...)
}

// comeOrGo connects a client that is away, and else has it leave.
func (c *modelClient) comeOrGo() {
	c.mu.Lock()
	conn, time := c.conn, len(c.earlier)
	o := hub.JoinOptions{Envelope: !c.plain, Since: c.since}
	c.mu.Unlock()
	if conn != nil {
		conn.CloseNow()
		return
	}
	var srv spout.Server
	srv.SendLimit = -1
	conn = spouttest.Dial(c.t, srv.Handler(func(*http.Request) (spout.Handler, error) {
		return opened{f: func(conn *spout.Conn) {
			result, err := c.hub.JoinWith(modelRoom, conn, o)
			if err != nil {
				conn.Close(spout.CloseTryAgainLater, "")
			} else if c.plain {
				c.joined(result, time)
			}
		}}, nil
	}), "/")
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	go c.read(conn)
}

// joined notes that a plain client is in the room: what is published from now on it has to get.
func (c *modelClient) joined(result hub.JoinResult, time int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time != len(c.earlier) {
		return // it has gone meanwhile
	}
	c.id = result.ID
	c.events = slices.Insert(c.events, 0, faulttest.Event{Kind: faulttest.Joined, At: c.now()})
}

// read receives what comes until the connection has ended.
func (c *modelClient) read(conn *spout.Conn) {
	for m, err := range conn.Messages(context.Background()) {
		c.mu.Lock()
		switch {
		case err != nil:
			c.left()
		case c.plain:
			c.received(m, hub.Position{})
		default:
			c.told(m)
		}
		c.mu.Unlock()
	}
}

func (c *modelClient) left() {
	c.conn = nil
	if c.plain {
		c.earlier = append(c.earlier, c.log())
		c.events = nil
	}
}

// log returns what the client has got. A plain one that did not get into the room before it was gone got nothing.
func (c *modelClient) log() faulttest.Subscription {
	s := faulttest.Subscription{Name: c.name, Room: modelRoom, Events: c.events, Ended: c.conn != nil}
	if c.plain {
		s.Name = fmt.Sprint(c.name, ", time ", len(c.earlier), ", plain")
		if len(c.events) > 0 && c.events[0].Kind != faulttest.Joined {
			s.Events = nil
		}
	}
	return s
}

func (c *modelClient) received(m spout.Message, at hub.Position) {
	publisher, n, _ := strings.Cut(m.String(), " ")
	e := faulttest.Event{Kind: faulttest.Received, At: c.now(), Message: faulttest.Message{Publisher: publisher}, Position: at}
	fmt.Sscan(n, &e.Message.N)
	c.events = append(c.events, e)
}

func (c *modelClient) told(m spout.Message) {
	var e hub.Envelope
	if err := m.Decode(&e); err != nil {
		c.t.Errorf("%q is no envelope: %v", m, err)
	}
	switch e.Type {
	case hub.Joined:
		c.events = append(c.events, faulttest.Event{Kind: faulttest.Joined, At: c.now(), Recovered: e.Recovered, Position: e.Position})
		c.id, c.present = e.ID, map[string]bool{}
		for _, member := range e.Members {
			c.present[member.ID] = true
		}
		if !e.Recovered {
			c.since = e.Position
		}
	case hub.Message:
		text, _ := e.Message()
		c.received(text, e.Position)
		c.since = e.Position
	case hub.Gap:
		c.events = append(c.events, faulttest.Event{Kind: faulttest.Gap, At: c.now(), Position: e.Position})
		c.since = e.Position
	case hub.Enter:
		c.present[e.Member.ID] = true
	case hub.Exit:
		delete(c.present, e.Member.ID)
	}
}

// runModel runs a script and returns what was wrong. Its first byte says how much the broker keeps, and how often
// everything comes to rest.
func runModel(t *testing.T, script []byte) (wrong []string) {
	if len(script) == 0 {
		return nil
	}
	whole, pace := script[0]%4 == 0, 1
	if script[0]/8%2 == 1 {
		pace = 7
	}
	size := 3 + int(script[0])/16
	switch script[0] % 4 {
	case 0:
		size = 1 << 20
	case 3:
		size = 0
	}
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, size)
		for i, b := range script[1:] {
			m.step(b, whole)
			if i%pace == 0 {
				synctest.Wait()
			}
		}
		m.settle()
		wrong = m.check(whole)
		for _, c := range m.clients {
			c.mu.Lock()
			conn := c.conn
			c.mu.Unlock()
			if conn != nil {
				conn.CloseNow()
			}
		}
		time.Sleep(time.Minute)
		if s := m.broker.sub(0); s != nil {
			wrong = append(wrong, "a subscription is left when all have gone")
		}
		for _, h := range m.hubs {
			if n := present(h, modelRoom); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d members are left when all have gone", n))
			}
		}
	})
	return wrong
}

// Whatever happens in whatever order: no loss without a word, nothing twice, nothing out of order.
func TestModel(t *testing.T) {
	const scripts, steps = 100, 150
	first := rand.Uint64()
	for i := range uint64(scripts) {
		random := rand.New(rand.NewPCG(first+i, 0))
		script := make([]byte, 1+random.IntN(steps))
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		if wrong := runModel(t, script); len(wrong) > 0 {
			t.Fatalf("seed %d: with the script %q:\n%s", first+i, script, strings.Join(wrong[:min(len(wrong), 10)], "\n"))
		}
	}
}

func FuzzModel(f *testing.F) {
	for _, script := range []string{
		// A client comes back while its room is behind, with what the room has not fetched yet: it is not sent twice.
		"\x01\x09\x29\x29\x00\x0c\x07\x08\x0c\x29\x2f",
		// A client comes back in a new epoch, before its room knows of that: it gets nothing of the old one.
		"\x01\x09\x29\x29\x00\x0e\x0d\x29\x04\x0d",
		// What waits to be delivered is of an epoch that is over: the room goes on all the same.
		"\x01\x09\x00\x00\x0c\x07\x04\x0e\x0c\x2f\x00\x04",
		// The time to join is over when the broker says who is in the room: nobody stays behind there.
		"\x01\x09\x0d\x29\xff",
	} {
		f.Add([]byte(script))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 500 {
			return
		}
		if wrong := runModel(t, script); len(wrong) > 0 {
			t.Errorf("with the script %q:\n%s", script, strings.Join(wrong[:min(len(wrong), 10)], "\n"))
		}
	})
}
