package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

// clientsOfDeploy is for all nodes together. With the race detector a connection takes several times as
// much of the processors.
var clientsOfDeploy = map[bool]int{false: 1500, true: 300}[raceEnabled]

// TestRollingDeploy restarts three spout commands behind each balancer, one after the other, while
// clients hold connections. Every connection that a restart ends has ended with 1012, every client is
// back at the first try, and works. How the reconnects are spread is printed here; it is Shutdown's
// rule, and held where time is exact.
func TestRollingDeploy(t *testing.T) {
	t.Parallel()
	spout := buildSpout(t)
	c := newCertificate(t)
	for _, proxy := range balancers {
		t.Run(proxy.name, func(t *testing.T) {
			var nodes [3]*server
			var addrs [3]string
			for i := range nodes {
				nodes[i] = runSpout(t, spout, "serve", "--addr", loopback(t, i+2)+":0")
				addrs[i] = nodes[i].url.Host
			}
			b := proxy.start(t, c, addrs)
			d := newCrowd(t)
			d.connect(t, clientsOfDeploy, visitor(t, c, ""), "ws://"+b.addr+"/ws/echo")
			for i := range nodes {
				if err := nodes[i].terminate(); err != nil {
					t.Fatalf("node %d: %v", i+1, err)
				}
				told := said(t, nodes[i], `closed with 1012: (\d+)`)
				d.settle(t, told)
				t.Logf("node %d: %s", i+1, d.spread())
				// One that is new comes while the node is not there.
				d.connect(t, 1, visitor(t, c, ""), "wss://"+b.secure+"/ws/echo")
				b.wantNode(t, i, "DOWN")
				nodes[i] = runSpout(t, spout, "serve", "--addr", addrs[i])
				b.wantNode(t, i, "UP")
			}
		})
	}
}

// loopback returns an address of this machine other than the one that connections come from: their
// ports can't take the one that a node needs again.
func loopback(t *testing.T, i int) string {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.%d", i)
	ln, err := net.Listen("tcp", addr+":0")
	if err != nil {
		testenv.Missing(t, "%s is no address of this machine: %v", addr, err)
	}
	ln.Close()
	return addr
}

// said returns the number that a process has printed.
func said(t *testing.T, s *server, pattern string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(s.said.String())
	if m == nil {
		t.Fatalf("it has not printed %s", pattern)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantNode waits until HAProxy believes that of a node. Nginx believes nothing: it asks each time.
func (b *balancer) wantNode(t *testing.T, i int, state string) {
	t.Helper()
	if b.socket == "" {
		return
	}
	node := fmt.Sprintf("node%d", i+1)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // it tells only who asks
		got := b.stat(t, "spout", node, "status")
		if got == state {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("HAProxy says that %s is %q, want %s", node, got, state)
		}
	}
}

// crowd is clients that come back at once whenever a node sends them away.
type crowd struct {
	ctx   context.Context
	all   sync.WaitGroup
	moves chan move

	n, up      int
	gone, back []time.Time // since it has settled before
}

// move is what a client tells: that it is connected and has talked with a node, that it was sent away,
// or why it has given up.
type move struct {
	at   time.Time
	back bool
	err  error
}

// newCrowd is for clients that end with the test.
func newCrowd(t *testing.T) *crowd {
	ctx, cancel := context.WithCancel(context.Background())
	d := &crowd{ctx: ctx, moves: make(chan move, 16*clientsOfDeploy)} // no client ever waits for the test
	t.Cleanup(func() {
		cancel()
		d.all.Wait()
	})
	return d
}

// connect adds n clients, some at a time, and returns when all are connected.
func (d *crowd) connect(t *testing.T, n int, dialer *spout.Dialer, url string) {
	t.Helper()
	for n > 0 {
		some := min(50, n)
		for range some {
			d.all.Go(func() {
				for {
					if err := d.visit(dialer, url); err != nil {
						d.moves <- move{err: err}
						return
					}
				}
			})
		}
		n -= some
		d.n += some
		d.settle(t, 0)
	}
}

// visit connects once and stays until a node ends. Everything else that ends the connection is an error.
func (d *crowd) visit(dialer *spout.Dialer, url string) error {
	ctx := d.ctx
	c, err := dialer.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	var m spout.Message
	if err = c.Write(ctx, spout.Text("hello")); err == nil {
		if m, err = c.Read(ctx); err == nil && m.String() != "hello" {
			return fmt.Errorf("got %q, want hello", m)
		}
	}
	d.moves <- move{at: time.Now(), back: true}
	if err == nil {
		_, err = c.Read(ctx)
	}
	var end *spout.CloseError
	if !errors.As(err, &end) || end.Code != spout.CloseServiceRestart || !end.Remote {
		return fmt.Errorf("the connection ended with %v, want 1012", err)
	}
	d.moves <- move{at: time.Now()}
	return nil
}

// settle returns when a node has sent away as many as it has told, or more, and all are back.
func (d *crowd) settle(t *testing.T, told int) {
	t.Helper()
	d.gone, d.back = nil, nil
	late := time.After(patience)
	for len(d.gone) < told || d.up < d.n {
		select {
		case m := <-d.moves:
			switch {
			case m.err != nil:
				t.Fatal(m.err)
			case m.back:
				d.up++
				d.back = append(d.back, m.at)
			default:
				d.up--
				d.gone = append(d.gone, m.at)
			}
		case <-late:
			t.Fatalf("%d of %d clients are connected, %d were sent away, want %d", d.up, d.n, len(d.gone), told)
		}
	}
}

// spread describes when the clients were sent away and came back.
func (d *crowd) spread() string {
	const slot = time.Second / 10
	first, last := slices.MinFunc(d.gone, time.Time.Compare), slices.MaxFunc(d.gone, time.Time.Compare)
	var slots []int
	for _, at := range d.back {
		i := int(at.Sub(first) / slot)
		slots = append(slots, make([]int, max(0, i+1-len(slots)))...)
		slots[i]++
	}
	mean := float64(len(d.back)) / float64(len(slots))
	return fmt.Sprintf("%d were sent away within %v; back in each tenth of a second: %d, the fullest %.2f times the mean",
		len(d.gone), last.Sub(first).Round(time.Millisecond), slots, float64(slices.Max(slots))/mean)
}
