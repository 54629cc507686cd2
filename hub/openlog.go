package hub

import (
	"context"
	"errors"
	"fmt"
)

// opening is an attempt to open the broker's Log, for all who want it meanwhile. They wait as long as they like.
type opening struct {
	done chan struct{} // closed when there is an answer
	log  Log
	err  error
}

// openLog returns the broker's Log.
func (h *Hub) openLog(ctx context.Context) (Log, error) {
	b, ok := h.broker().(HistoryBroker)
	if !ok {
		return nil, fmt.Errorf("History needs a HistoryBroker, which %T is not", h.Broker)
	}
	o := h.opening.Load()
	for o == nil {
		o = &opening{done: make(chan struct{})}
		if h.opening.CompareAndSwap(nil, o) {
			go h.open(b, o)
		} else {
			o = h.opening.Load()
		}
	}
	select {
	case <-o.done: // alone: all publish by way of here, and this takes no lock
		return o.log, o.err
	default:
	}
	select {
	case <-o.done:
		return o.log, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h *Hub) open(b HistoryBroker, o *opening) {
	o.err = errors.New("OpenLog did not return")
	defer close(o.done)
	defer func() {
		if o.err != nil {
			h.opening.Store(nil)
		}
	}()
	h.guard(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operationTime)
		defer cancel()
		o.log, o.err = b.OpenLog(ctx, *h.History)
	})
}
