package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// How long an answer is awaited before it is asked for again, while the connection is there.
const (
	attemptTime = time.Second
	appendTime  = 500 * time.Millisecond
)

// Errors of JetStream's API.
const (
	codeUnavailable      = 503
	codeNoMessage        = 10037
	codeStreamInUse      = 10058 // with another configuration
	codeStreamNotFound   = 10059
	codeWrongLast        = 10071
	codeDuplicateOnItWay = 10158
)

// jsCall asks JetStream's API once.
func (b *Broker) jsCall(ctx context.Context, what string, request, response any) error {
	if !b.link.up.Load() {
		return errDown
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, end := b.link.attempt(ctx, attemptTime)
	defer end()
	m, err := b.link.RequestWithContext(ctx, "$JS.API."+what, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("JetStream is not there: %w", err)
	}
	if err != nil {
		return fmt.Errorf("JetStream, %s: %w", what, err)
	}
	var failed struct {
		Error *nats.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &failed); err != nil {
		return fmt.Errorf("JetStream, %s: %w", what, err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	if err := json.Unmarshal(m.Data, response); err != nil {
		return fmt.Errorf("JetStream, %s: %w", what, err)
	}
	return nil
}

// isCode reports whether JetStream answered with this error.
func isCode(err error, code nats.ErrorCode) bool {
	var e *nats.APIError
	return errors.As(err, &e) && e.ErrorCode == code
}

// isTransient reports whether it makes sense to ask again.
func isTransient(err error) bool {
	var e *nats.APIError
	if errors.As(err, &e) {
		return e.Code == codeUnavailable || e.ErrorCode == codeDuplicateOnItWay || e.ErrorCode == codeStreamNotFound
	}
	return !errors.Is(err, errClosed) && !errors.Is(err, nats.ErrConnectionClosed)
}

// again calls f until it succeeds, fails for good, or ctx ends, at most for the patience.
func (b *Broker) again(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	for {
		err := f(ctx)
		if err == nil || !isTransient(err) {
			return err
		}
		if err := b.await(ctx, err); err != nil {
			return err
		}
	}
}

// slots bound how much is asked for at a time: after a fault all rooms ask, and JetStream drops all requests that
// wait if they are more than 10,000.
type slots chan struct{}

const readAtOnce = 64

func (s slots) take(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) give() { <-s }

// stored is a message in the stream.
type stored struct {
	Sequence uint64 `json:"seq"`
	Headers  []byte `json:"hdrs"`
	Data     []byte `json:"data"`
}

// get asks the stream's leader for a message; nil if there is none.
func (l *historyLog) get(ctx context.Context, request map[string]any) (*stored, error) {
	var response struct {
		Message *stored `json:"message"`
	}
	if err := l.reading.take(ctx); err != nil {
		return nil, err
	}
	defer l.reading.give()
	err := l.jsCall(ctx, "STREAM.MSG.GET."+l.stream, request, &response)
	if isCode(err, codeNoMessage) {
		return nil, nil
	}
	return response.Message, err
}

// last asks the stream's leader for the sequence of the last message of a room; 0 if there is none.
func (l *historyLog) last(ctx context.Context, subject string) (uint64, error) {
	m, err := l.get(ctx, map[string]any{"last_by_subj": subject})
	if m == nil {
		return 0, err
	}
	return m.Sequence, nil
}
