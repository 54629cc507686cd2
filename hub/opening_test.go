package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout/hub"
)

// hasty is a broker whose Log delivers more than can wait before Subscribe returns.
type hasty struct{ hub.Memory }

type hastyLog struct{ hub.Log }

func (b *hasty) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	l, err := b.Memory.OpenLog(ctx, h)
	return hastyLog{l}, err
}

func (l hastyLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (hub.Position, func(), error) {
	top, cancel, err := l.Log.Subscribe(ctx, room, s)
	for i := range 4096 + 1 { // one more than can wait
		err = errors.Join(err, l.Append(ctx, room, []byte("\x01"+fmt.Sprint(i))))
	}
	return top, cancel, err
}

// More is published than can wait, and than is kept, before the broker says where the room stands: that is a gap.
func TestTooMuchWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gaps := make(chan error, 1)
		h := hub.Hub{Broker: new(hasty), History: &hub.History{Size: 10}, Logger: slog.New(slog.DiscardHandler),
			OnGap: func(_ string, reason error) { gaps <- reason }}
		n := newNode(&h)
		c, _ := n.join(t, "/lobby", hub.JoinOptions{})
		if reason := <-gaps; reason == nil {
			t.Error("a gap without a reason")
		}
		synctest.Wait()
		publish(t, &h, "lobby", "next")
		hears(t, c, "next")
	})
}
