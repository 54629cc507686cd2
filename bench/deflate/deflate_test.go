package main

import (
	"testing"

	"github.com/spoutws/spout/bench/wire"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestEchoes holds that every library does in each of its modes what is measured.
func TestEchoes(t *testing.T) {
	const count = 12
	for _, l := range libraries {
		for _, m := range wire.Modes {
			if !can(l, m) {
				continue
			}
			addr, stop, err := l.Start(setup(m))
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			for _, size := range []int{512, 4 << 10} {
				clients, err := wire.DialMany(addr, m, nil, 2)
				defer wire.CloseAll(clients)
				if err != nil {
					t.Fatalf("%s, %s: %v", l.Name, m.Name, err)
				}
				x, err := wire.NewTraffic(clients[0].Terms, size, count)
				if err != nil {
					t.Fatal(err)
				}
				if err := echoAll(clients, x, 0, count); err != nil {
					t.Errorf("%s, %s, %d bytes: %v", l.Name, m.Name, size, err)
				}
				if n := clients[0].Wire; (n < count*size) != m.Compressed() {
					t.Errorf("%s, %s: %d messages of %d bytes are %d on the wire", l.Name, m.Name, count, size, n)
				}
			}
		}
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median of 5, 1, 3 is %v", got)
	}
}
