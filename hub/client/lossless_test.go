package client

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// Connections are lost at random, and closed because the loop does not keep up; with history, every message comes once and
// in order all the same, and there is no gap.
func TestNothingIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const messages = 5000
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		chance := rand.New(rand.NewPCG(seed, 0))
		s := newRoomServer(false)
		s.hub.Load().History = &hub.History{Size: messages}
		s.SendLimit = 2000
		c := client(t, s)
		next := follow(t, c)
		want(t, next, hub.Joined)
		s.conns <- <-s.conns // JoinWith has returned, so that nothing waits for this one any more
		published := make(chan struct{})
		defer func() { <-published }()
		go func() { // in bursts, between which connections are lost
			defer close(published)
			for i := range messages {
				s.publish(t, strconv.Itoa(i))
				if i > 500 && chance.IntN(200) == 0 { // the first burst is too much for the loop
					time.Sleep(time.Duration(chance.IntN(5000)) * time.Millisecond)
					for len(s.conns) > 0 {
						(<-s.conns).CloseNow()
					}
				}
			}
		}()
		reasons := map[spout.Code]int{}
		for got := 0; got < messages; {
			switch h := next(); h.Type {
			case hub.Message:
				if h.Message.String() != strconv.Itoa(got) {
					t.Fatalf("after %d came %s", got-1, h.Message)
				}
				got++
				time.Sleep(time.Millisecond) // how long the loop takes, in fake time
			case Disconnected:
				reasons[spout.CloseCode(h.Err)]++
			case hub.Joined:
				if !h.Recovered {
					t.Fatalf("%+v", h)
				}
			default:
				t.Fatalf("%+v", h)
			}
		}
		t.Logf("disconnected with %v", reasons)
		if reasons[spout.CloseAbnormal] == 0 || reasons[spout.CloseTryAgainLater] == 0 {
			t.Error("not all kinds of loss were met")
		}
	})
}
