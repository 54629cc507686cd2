package hub_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// A hook that keeps a slow member is called once for what that has missed until then, however much it is; and the member,
// if it gets envelopes, is told of the gap before anything that follows.
func TestSlowMemberThatIsKept(t *testing.T) {
	for _, history := range []*hub.History{nil, {}} {
		synctest.Test(t, func(t *testing.T) {
			goOn := make(chan struct{})
			var calls atomic.Int64
			h := hub.Hub{History: history, OnSlow: func(*spout.Conn, string) {
				<-goOn
				calls.Add(1)
			}}
			n := newNode(&h)
			n.SendLimit = 1000
			n.WriteTimeout, n.PingInterval = -1, -1
			c, _ := n.join(t, "/lobby?position=", hub.JoinOptions{})
			first := told(t, c)
			const all = 5000
			for range all {
				publish(t, &h, "lobby", strings.Repeat("x", 100))
			}
			close(goOn)
			var got []hub.Envelope
			done := make(chan struct{})
			go func() {
				defer close(done)
				for len(got) == 0 || got[len(got)-1].Text == nil || *got[len(got)-1].Text != "end" {
					got = append(got, told(t, c))
				}
			}()
			synctest.Wait() // there is room again
			publish(t, &h, "lobby", "end")
			<-done
			want := hub.Position{Epoch: first.Position.Epoch}
			if history != nil {
				want.Offset = all
			}
			if gap := got[len(got)-2]; len(got) > all || gap.Type != hub.Gap || gap.Position != want {
				t.Errorf("it got %d envelopes, at last before the end %+v", len(got), gap)
			}
			if n := calls.Load(); n < 1 || n > 2 {
				t.Errorf("the hook was called %d times", n)
			}
		})
	}
}
