package natsbroker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		failed := errors.New("failed")
		g := group{run: func() error {
			time.Sleep(time.Second)
			if runs++; runs == 2 {
				return failed
			}
			return nil
		}}
		begun := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			if err := g.wait(context.Background()); err != nil || time.Since(begun) != time.Second {
				t.Errorf("the first: %v after %v", err, time.Since(begun))
			}
		})
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				if err := g.wait(context.Background()); err != failed || time.Since(begun) != 2*time.Second {
					t.Errorf("who came during the first run: %v after %v", err, time.Since(begun))
				}
			})
		}
		all.Go(func() {
			ctx, end := context.WithTimeout(context.Background(), time.Millisecond)
			defer end()
			if err := g.wait(ctx); err != context.DeadlineExceeded {
				t.Errorf("whose context ended: %v", err)
			}
		})
		all.Wait()
		if err := g.wait(context.Background()); err != nil || runs != 3 {
			t.Errorf("%v after %d runs", err, runs)
		}
	})
}
