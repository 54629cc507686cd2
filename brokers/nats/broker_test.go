package natsbroker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/brokertest"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// roomsOf numbers prefixes, so that tests that share a server share no rooms.
var roomsOf atomic.Int64

func prefix() string { return fmt.Sprintf("t%d", roomsOf.Add(1)) }

// open connects a broker that is closed with the test.
func open(t testing.TB, o Options) *Broker {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
	defer end()
	b, err := Connect(ctx, o)
	if err != nil {
		t.Error(err)
		runtime.Goexit()
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// openAll connects nodes, one to each server in turn.
func openAll(t testing.TB, nodes int, servers []*natstest.Server, o Options) []hub.Broker {
	t.Helper()
	o.Prefix = prefix()
	brokers := make([]hub.Broker, nodes)
	var all sync.WaitGroup
	for i := range brokers {
		o := o
		o.URL = servers[i%len(servers)].URL
		all.Go(func() { brokers[i] = open(t, o) })
	}
	all.Wait()
	return brokers
}

type testLog struct{ testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.Logf("%s", b)
	return len(b), nil
}

func TestBroker(t *testing.T) {
	s := natstest.Start(t)
	brokertest.Run(t, func(t testing.TB, nodes int) []hub.Broker {
		return openAll(t, nodes, []*natstest.Server{s}, Options{})
	})
}

// Each node is connected to another server.
func TestBrokerOverCluster(t *testing.T) {
	cluster := natstest.StartCluster(t, 3)
	brokertest.Run(t, func(t testing.TB, nodes int) []hub.Broker {
		return openAll(t, nodes, cluster, Options{Replicas: 3})
	})
}
