package spout

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// busyStream lets others send while something is written from where it stands, of which it takes so
// many bytes.
type busyStream struct {
	stream
	meanwhile func()
	takes     int
}

func (s *busyStream) tryBoth(head, body []byte) (int, error) {
	s.meanwhile()
	return min(s.takes, len(head)+len(body)), nil
}

func (s *busyStream) try([]byte) (int, error) { return 0, nil }
func (s *busyStream) writeRest()              {} // the peer takes nothing more

// What is being written from where it stands counts for the limit of the queue, so that this holds when
// it turns out that it has to wait.
func TestDirectWriteCounts(t *testing.T) {
	const limit, size, frame = 100_000, 60_000, 10_000 + 4
	for _, takes := range []int{0, 3, 40_000, size + 4} {
		synctest.Test(t, func(t *testing.T) {
			c, _, _ := pushed(t)
			c.cfg.sendLimit = limit
			queued, buffered := 0, 0
			c.stream = &busyStream{stream: c.stream, takes: takes, meanwhile: func() {
				buffered = c.Buffered()
				for c.Send(Text(strings.Repeat("y", frame-4))) == nil {
					queued++
				}
			}}
			if err := c.Send(Text(strings.Repeat("x", size))); err != nil {
				t.Fatal(err)
			}
			if buffered != size+4 || queued != (limit-size-4)/frame {
				t.Errorf("%d bytes buffered while %d are written, and %d messages queued", buffered, size+4, queued)
			}
			if want := size + 4 - takes + queued*frame; c.Buffered() != want || want > limit {
				t.Errorf("%d bytes buffered when %d were taken, want %d, at most %d", c.Buffered(), takes, want, limit)
			}
			err := c.Send(Text(strings.Repeat("y", frame-4)))
			if full := errors.Is(err, ErrFull); full != (takes < 10_000) {
				t.Errorf("with %d bytes taken another message got %v", takes, err)
			}
		})
	}
}
