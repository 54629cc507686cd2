//go:build !race

package hub_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// crowd is connections to a server over TCP, whose clients do nothing by themselves. The race detector makes other
// allocations, so it is not for that.
type crowd struct {
	conns   []*spout.Conn // of the server
	clients []net.Conn    // by the same index
	ended   sync.WaitGroup
}

func newCrowd(t *testing.T, n int, o spout.Options) *crowd {
	t.Helper()
	k := new(crowd)
	k.ended.Add(n)
	opened := make(chan *spout.Conn, 1)
	srv := spout.Server{Options: o}
	web := httptest.NewServer(srv.Handler(func(*http.Request) (spout.Handler, error) { return &one{crowd: k, opened: opened}, nil }))
	t.Cleanup(func() {
		for _, c := range k.clients {
			c.Close()
		}
		k.ended.Wait()
		web.Close()
	})
	for range n {
		client, err := net.Dial("tcp", web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		k.clients = append(k.clients, client)
		fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: spout.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v, %v", resp, err)
		}
		k.conns = append(k.conns, <-opened)
	}
	return k
}

// one is the server's end of one connection.
type one struct {
	spout.Base
	crowd  *crowd
	opened chan *spout.Conn
}

func (o *one) OnOpen(c *spout.Conn) error                 { o.opened <- c; return nil }
func (o *one) OnMessage(*spout.Conn, spout.Message) error { return nil }
func (o *one) OnClose(*spout.Conn, error)                 { o.crowd.ended.Done() }

// join has each of step connections after another join a room, beginning with the first one.
func (k *crowd) join(t *testing.T, h *hub.Hub, room string, first, step int) {
	t.Helper()
	for i := first; i < len(k.conns); i += step {
		if err := h.Join(room, k.conns[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// end cuts all connections, and returns how many allocations there are until the server has done with them.
func (k *crowd) end() (mallocs uint64) {
	_, before := memory()
	for _, c := range k.clients {
		c.Close()
	}
	k.ended.Wait()
	_, after := memory()
	return after - before
}

// memory returns what is allocated now, after a collection, and how many allocations there have been.
func memory() (bytes, mallocs uint64) {
	runtime.GC()
	runtime.GC() // pools let go of what they hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.Mallocs
}

// One node has 10,000 rooms and 100,000 memberships: each costs little memory, the messages of a room reach its members
// and nobody else, and connections that end leave all their rooms without an allocation.
func TestScale(t *testing.T) {
	const (
		rooms       = 10_000
		each        = 100 // rooms of a connection
		half        = 500 // connections
		memberships = 2 * half * each
		most        = 400 // bytes of a membership, with its part of the room
	)
	names := make([]string, rooms)
	for r := range names {
		names[r] = fmt.Sprintf("%05d", r)
	}
	var h hub.Hub
	stay, leave, none := newCrowd(t, half, spout.Options{}), newCrowd(t, half, spout.Options{}), newCrowd(t, half, spout.Options{})
	before, _ := memory()
	for r, name := range names {
		stay.join(t, &h, name, r%each, each)
		leave.join(t, &h, name, r%each, each)
	}
	after, _ := memory()
	size := float64(after-before) / memberships
	t.Logf("%d memberships of %d connections in %d rooms: %.0f bytes each", memberships, 2*half, rooms, size)
	if size > most {
		t.Errorf("a membership takes %.0f bytes, want at most %d", size, most)
	}

	for _, name := range names {
		publish(t, &h, name, name)
	}
	for i, client := range slices.Concat(stay.clients, leave.clients) {
		var want bytes.Buffer
		for r := i % each; r < rooms; r += each {
			want.WriteString("\x81\x05" + names[r])
		}
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("connection %d got %q, %v", i, got, err)
		}
	}

	in, out := leave.end(), none.end()
	t.Logf("%d connections ended with %d allocations, each of them in %d rooms, and with %d in none", half, in, each, out)
	if in > out+half {
		t.Errorf("leaving %d rooms takes %d allocations", half*each, in-out)
	}
	for _, name := range names {
		if got := present(&h, name); got != half/each {
			t.Fatalf("%d members are left in room %s, want %d", got, name, half/each)
		}
	}
	stay.end()
	for _, name := range names {
		if got := present(&h, name); got != 0 {
			t.Fatalf("%d members are left in room %s after the end", got, name)
		}
	}
}

// A message is encoded and compressed once, however many members it has: publishing allocates the same for ten
// members as for a thousand.
func TestPublishAllocatesOnce(t *testing.T) {
	const few, many = 10, 1000
	for _, compression := range []*spout.Deflate{nil, {SendWindow: -1}} {
		k := newCrowd(t, many, spout.Options{Compression: compression})
		var h hub.Hub
		k.join(t, &h, "few", 0, many/few)
		k.join(t, &h, "many", 0, 1)
		m := spout.Text(fmt.Sprintf("%0256d", 0))
		allocs := make(map[string]float64)
		for _, room := range []string{"few", "many"} {
			allocs[room] = testing.AllocsPerRun(20, func() {
				if err := h.Publish(context.Background(), room, m); err != nil {
					t.Fatal(err)
				}
			})
		}
		t.Logf("compression %v: %v allocations", compression != nil, allocs)
		// Not one for each, but some may need a queue that is not in a pool just then.
		if allocs["many"] > allocs["few"]+many/4 {
			t.Errorf("compression %v: %v allocations", compression != nil, allocs)
		}
	}
}

// What is kept for a member that takes nothing of what it missed is bounded in bytes, and what waits while the broker
// does not say what is missing, too.
func TestWhatWaitsIsBounded(t *testing.T) {
	const size, most = 64, 16 // MiB
	big := strings.Repeat("x", 1<<20)
	wait := func(t *testing.T, h *hub.Hub) {
		before, _ := memory()
		for range size {
			publish(t, h, "lobby", big)
		}
		synctest.Wait()
		after, _ := memory()
		t.Logf("%d MiB more after %d MiB", (int64(after)-int64(before))>>20, size)
		if after > before+most<<20 {
			t.Errorf("%d bytes more", after-before)
		}
	}
	t.Run("for a member", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := hub.Hub{History: &hub.History{Size: 3}}
			n := newNode(&h)
			n.SendLimit = 1000
			n.WriteTimeout, n.PingInterval = -1, -1
			for range 3 {
				publish(t, &h, "lobby", big)
			}
			n.join(t, "/lobby?position=", hub.JoinOptions{Recent: 3})
			synctest.Wait()
			wait(t, &h)
		})
	})
	t.Run("for a room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &careless{Memory: new(hub.Memory), lose: func(string) bool { return false }}
			b.down.Store(true)
			h := hub.Hub{Broker: b, History: &hub.History{Size: 3}, Logger: slog.New(slog.DiscardHandler)}
			n := newNode(&h)
			n.join(t, "/lobby", hub.JoinOptions{})
			b.lost("nothing")
			synctest.Wait()
			wait(t, &h)
			b.down.Store(false)
			time.Sleep(time.Minute) // the room has got it all
		})
	})
}
