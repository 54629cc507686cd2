package hub_test

import (
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/brokertest"
)

func TestMemoryIsABroker(t *testing.T) {
	brokertest.Run(t, func(_ testing.TB, nodes int) []hub.Broker {
		m := new(hub.Memory)
		brokers := make([]hub.Broker, nodes)
		for i := range brokers {
			brokers[i] = m
		}
		return brokers
	})
}

func TestMemoryAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { brokertest.Aging(t, new(hub.Memory)) })
}
