// Package load is the client of the comparison: it keeps servers busy, costs
// less than they do, and checks what comes back: of the first messages of each connection every byte,
// of all messages the number and, uncompressed, the size.
package load

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spoutws/spout/bench/payload"
	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

// Kind is what connections do.
type Kind string

const (
	Busy       Kind = "busy"       // send messages and wait for them
	Handshakes Kind = "handshakes" // are opened and cut
	Idle       Kind = "idle"       // have sent a message, and another in two pieces, and are quiet
)

// Job is what is done to a server.
type Job struct {
	Kind  Kind
	Addrs []string // of the servers that the connections are spread over
	Setup servers.Setup
	Conns int
	Size  int // bytes of a message
	Depth int // messages of a connection under way; 0 is 1
	Text  bool

	// Where the role is Rooms, so many connections after another are in the same rooms, so many of them.
	// Each publishes in one of these.
	Members, Rooms int
}

// addresses returns where each connection is to go.
func (j Job) addresses() []string {
	addrs := make([]string, j.Conns)
	for i := range addrs {
		addrs[i] = j.Addrs[i%len(j.Addrs)]
		if j.Setup.Role != servers.Rooms {
			continue
		}
		rooms := make([]string, j.Rooms) // the first is the one where the connection publishes
		for n := range rooms {
			rooms[n] = strconv.Itoa(i/j.Members*j.Rooms + (i+n)%j.Rooms)
		}
		addrs[i] += "/?" + url.Values{servers.RoomParameter: rooms}.Encode()
	}
	return addrs
}

// publishers returns the connections that are to send a message next, all of the first server, so that each
// connection receives one. turn counts the calls.
func (j Job) publishers(turn int) (list []int) {
	if j.Setup.Role == servers.Broadcast {
		return []int{0}
	}
	for first := 0; first < j.Conns; first += j.Members {
		list = append(list, first+turn%j.Rooms*len(j.Addrs)%j.Members)
	}
	return list
}

// connect does the job's beginning.
func (j Job) connect() (runner, error) {
	switch {
	case j.Kind == Handshakes:
		return newHandshakes(j)
	case j.Kind == Idle:
		return newIdle(j)
	case j.Setup.TLS:
		return newStreams(j)
	}
	return newFleet(j)
}

// Result is what a run has seen.
type Result struct {
	Messages       int // that came back; when messages are sent to all, each counts once for each connection
	Elapsed        time.Duration
	Wire           int64 // bytes that came back
	P50, P99, P999 time.Duration
}

// set stores the quantiles of h.
func (r *Result) set(h *histogram) {
	r.P50, r.P99, r.P999 = h.quantile(0.5), h.quantile(0.99), h.quantile(0.999)
}

// traffic is what each connection sends, one batch after the other and then from the start.
type traffic struct {
	batches [][]byte // frames that are sent at once
	first   [][]byte // the messages of the first of them
	size    int      // of each message that comes back; 0 where they are compressed
}

// newTraffic makes what a job sends on the terms.
func newTraffic(j Job, t wire.Terms) (x traffic, err error) {
	if t.Compressed {
		// As many as the largest window holds, several times over.
		series, err := wire.NewTraffic(t, j.Size, 64)
		return traffic{batches: series.Frames, first: series.Messages[:2]}, err
	}
	kind := payload.Noise
	if j.Text {
		kind = payload.Chat
	}
	m := kind.Series(j.Size, 1)[0]
	var batch []byte
	for range max(1, j.Depth) {
		batch = append(batch, wire.Frame(j.Text, m)...)
	}
	return traffic{batches: [][]byte{batch}, first: [][]byte{m}, size: j.Size}, nil
}

// dial opens the connections of a job, and checks what the server does with their first messages.
func dial(j Job) ([]*wire.Client, traffic, error) {
	clients, err := wire.DialEach(j.addresses(), j.Setup.Compression, servers.ClientTLS(j.Setup))
	if err != nil {
		return clients, traffic{}, err
	}
	x, err := newTraffic(j, clients[0].Terms)
	if err != nil {
		return clients, x, err
	}
	inf := make(chan *wire.Inflater, 1)
	inf <- wire.NewInflater()
	return clients, x, wire.Each(len(clients), func(i int) error {
		inflater := <-inf
		defer func() { inf <- inflater }()
		c := clients[i]
		if j.Setup.Role != servers.Echo {
			return c.Expect([]byte(servers.Greeting), inflater)
		}
		for n, m := range x.first {
			frame := x.batches[n]
			if x.size > 0 {
				frame = wire.Frame(j.Text, m)
			}
			if err := c.Echo(frame, m, inflater); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i, len(clients), err)
			}
		}
		return nil
	})
}
