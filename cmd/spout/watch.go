package main

import (
	"cmp"
	"maps"
	"net/http"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
)

// watch knows the connections of a node and measures what the Live page shows of them.
type watch struct {
	bots     bool // they tell how long what they say takes to arrive
	received atomic.Int64
	dropped  atomic.Int64
	heard    atomic.Int64 // by the node's bots

	mu     sync.Mutex
	conns  map[*spout.Conn]*watched
	lastID int
	delays []time.Duration // of what bots have heard since the last sample
}

// watched is the handler of a connection, around its own.
type watched struct {
	spout.Handler
	watch    *watch
	id       int
	path     string
	bot      bool
	opened   time.Time
	received atomic.Int64
}

// sample is what is measured of a node, once a second.
type sample struct {
	At          int64    `json:"at"` // in ms
	Connections int      `json:"connections"`
	Received    int64    `json:"received"`      // messages from clients since the sample before
	Heard       int64    `json:"heard"`         // messages that bots got since then
	P50         *float64 `json:"p50,omitempty"` // in ms: what bots say takes so long to arrive; without bots, pings and pongs
	P99         *float64 `json:"p99,omitempty"`
	Queued      int      `json:"queued"`  // bytes that wait to be sent
	Dropped     int64    `json:"dropped"` // connections that ended badly since the sample before
	Heap        uint64   `json:"heap"`    // bytes of this process
}

// row is a connection as the Live page lists it.
type row struct {
	ID       int     `json:"id"`
	Path     string  `json:"path"`
	Peer     string  `json:"peer"`
	Age      int     `json:"age"` // in s
	RTT      float64 `json:"rtt"` // in ms, 0 if unknown
	Queued   int     `json:"queued"`
	Received int64   `json:"received"`
}

// botAgent is the User-Agent of bots.
const botAgent = "spout-load"

func newWatch(bots bool) *watch {
	return &watch{bots: bots, conns: map[*spout.Conn]*watched{}}
}

// watched returns open with its handlers watched.
func (w *watch) watched(open func(*http.Request) (spout.Handler, error)) func(*http.Request) (spout.Handler, error) {
	return func(r *http.Request) (spout.Handler, error) {
		h, err := open(r)
		if err != nil {
			return nil, err
		}
		return &watched{Handler: h, watch: w, path: r.URL.Path, bot: r.UserAgent() == botAgent}, nil
	}
}

func (h *watched) OnOpen(c *spout.Conn) error {
	h.opened = time.Now()
	h.watch.mu.Lock()
	h.watch.lastID++
	h.id = h.watch.lastID
	h.watch.conns[c] = h
	h.watch.mu.Unlock()
	return h.Handler.OnOpen(c)
}

func (h *watched) OnMessage(c *spout.Conn, m spout.Message) error {
	h.received.Add(1)
	h.watch.received.Add(1)
	return h.Handler.OnMessage(c, m)
}

func (h *watched) OnClose(c *spout.Conn, err error) {
	h.watch.mu.Lock()
	delete(h.watch.conns, c)
	h.watch.mu.Unlock()
	switch spout.CloseCode(err) {
	case spout.CloseNormal, spout.CloseGoingAway, spout.CloseNoStatus, spout.CloseServiceRestart:
	default:
		h.watch.dropped.Add(1)
	}
	h.Handler.OnClose(c, err)
}

// hear notes that a bot got what was said so long ago.
func (w *watch) hear(delay time.Duration) {
	w.heard.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delays = append(w.delays, delay)
}

// sample measures, and counts anew.
func (w *watch) sample(now time.Time) sample {
	w.mu.Lock()
	conns := slices.Collect(maps.Keys(w.conns))
	delays := w.delays
	w.delays = nil
	w.mu.Unlock()
	s := sample{At: now.UnixMilli(), Connections: len(conns), Received: w.received.Swap(0), Heard: w.heard.Swap(0), Dropped: w.dropped.Swap(0), Heap: heap()}
	for _, c := range conns {
		s.Queued += c.Buffered()
		if rtt := c.RTT(); rtt > 0 && !w.bots {
			delays = append(delays, rtt)
		}
	}
	if len(delays) > 0 {
		slices.Sort(delays)
		s.P50, s.P99 = percentile(delays, 50), percentile(delays, 99)
	}
	return s
}

// percentile returns what p of 100 do not exceed, in ms.
func percentile(sorted []time.Duration, p int) *float64 {
	ms := float64(sorted[(len(sorted)*p+99)/100-1]) / float64(time.Millisecond)
	return &ms
}

func heap() uint64 {
	m := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64()
}

// ping has every connection tell its round-trip time.
func (w *watch) ping() {
	w.mu.Lock()
	conns := slices.Collect(maps.Keys(w.conns))
	w.mu.Unlock()
	for _, c := range conns {
		c.Ping(nil) // one that can't be sent has nothing to tell
	}
}

// rows lists at most so many connections, bots last, and says how many there are more.
func (w *watch) rows(now time.Time, most int) (rows []row, more int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	conns := slices.SortedFunc(maps.Keys(w.conns), func(a, b *spout.Conn) int {
		x, y := w.conns[a], w.conns[b]
		if x.bot != y.bot {
			return map[bool]int{true: 1, false: -1}[x.bot]
		}
		return cmp.Compare(x.id, y.id)
	})
	for _, c := range conns[:min(len(conns), most)] {
		h := w.conns[c]
		rows = append(rows, row{
			ID: h.id, Path: h.path, Peer: c.RemoteAddr().String(), Age: int(now.Sub(h.opened).Seconds()),
			RTT: float64(c.RTT()) / float64(time.Millisecond), Queued: c.Buffered(), Received: h.received.Load(),
		})
	}
	return rows, len(conns) - len(rows)
}

// find returns a connection by its id, nil if it is gone.
func (w *watch) find(id int) *spout.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, h := range w.conns {
		if h.id == id {
			return c
		}
	}
	return nil
}
