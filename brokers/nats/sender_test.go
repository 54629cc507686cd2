package natsbroker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/brokers/nats/natstest"
)

// newSenders returns senders and what they send.
func newSenders(t *testing.T) (*senders, func() wire.Frame) {
	t.Helper()
	nc, err := nats.Connect(natstest.Start(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	sub, err := nc.SubscribeSync("rooms.*")
	if err != nil {
		t.Fatal(err)
	}
	all := &senders{nc: nc, node: 7, bySubject: map[string]*sender{}}
	return all, func() wire.Frame {
		t.Helper()
		m, err := sub.NextMsg(limit)
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := wire.Cut(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		f.Age = 0 // it differs
		return f
	}
}

func TestSenders(t *testing.T) {
	all, next := newSenders(t)
	want := func(f wire.Frame) {
		t.Helper()
		f.Node = 7
		if got := next(); got != f {
			t.Fatalf("sent %+v, want %+v", got, f)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// older has all rooms look as if they had been silent for so long.
	older := func(d time.Duration) { all.each(func(_ string, s *sender) { s.at = s.at.Add(-d) }) }

	do(all.publish("rooms.a", []byte("x")))
	do(all.publish("rooms.a", []byte("x")))
	do(all.publish("rooms.b", []byte("x")))
	want(wire.Frame{Incarnation: 1, Number: 1})
	want(wire.Frame{Incarnation: 1, Number: 2})
	want(wire.Frame{Incarnation: 2, Number: 1})
	do(all.mark(time.Second)) // too early
	older(time.Second)
	do(all.publish("rooms.b", []byte("x"))) // and this one is not silent
	want(wire.Frame{Incarnation: 2, Number: 2})
	do(all.mark(time.Second))
	want(wire.Frame{Mark: true, Incarnation: 1, Number: 2})
	do(all.mark(time.Second)) // it was told
	all.unmark()
	do(all.mark(0))
	marks := map[uint64]wire.Frame{}
	for range 2 {
		f := next()
		marks[f.Incarnation] = f
	}
	if !marks[1].Mark || marks[1].Number != 2 || !marks[2].Mark || marks[2].Number != 2 {
		t.Fatalf("sent %+v", marks)
	}

	older(publisherIdle)
	do(all.mark(time.Second))
	if n := len(all.bySubject); n != 0 {
		t.Errorf("%d idle rooms are known", n)
	}
	do(all.publish("rooms.a", []byte("x")))
	want(wire.Frame{Incarnation: 3, Number: 1})

	// What could not be sent but must be missed counts.
	all.nc.Close()
	if all.publish("rooms.a", nil) == nil || all.publishOrMiss("rooms.a", nil) == nil {
		t.Error("published over a closed connection")
	}
	if s := all.bySubject["rooms.a"]; s.number != 2 || s.marked {
		t.Errorf("it stands at %d, marked: %t; want 2 and that it is to be marked", s.number, s.marked)
	}
}
