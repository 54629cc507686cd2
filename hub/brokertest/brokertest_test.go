package brokertest

import (
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestSimple(t *testing.T) { Run(t, openSimple) }

// One value for all nodes.
func TestSimpleInOneProcess(t *testing.T) {
	Run(t, func(t testing.TB, nodes int) []hub.Broker {
		brokers := openSimple(t, nodes)
		for i := range brokers {
			brokers[i] = brokers[0]
		}
		return brokers
	})
}

func TestSimpleAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { Aging(t, openSimple(t, 1)[0].(hub.HistoryBroker)) })
}

// A broker that has rooms alone is one, too.
func TestRoomsAlone(t *testing.T) {
	Run(t, func(t testing.TB, nodes int) []hub.Broker {
		brokers := openSimple(t, nodes)
		for i, b := range brokers {
			brokers[i] = struct{ hub.Broker }{b}
		}
		return brokers
	})
}
