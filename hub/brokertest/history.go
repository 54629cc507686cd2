package brokertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
)

// histories is what must be so in rooms with history alone.
var histories = []check{
	{"SameOrder", sameOrder},
	{"Since", since},
	{"Size", trimmedBySize},
	{"Age", trimmedByAge},
	{"SinceWhileAppending", sinceWhileAppending},
	{"OtherThanWithout", otherThanWithout},
}

func openLogs(t testing.TB, open Open, nodes int, h hub.History) []hub.Broker {
	t.Helper()
	brokers := open(t, nodes)
	logs := make([]hub.Broker, nodes)
	for i, b := range brokers {
		logs[i] = openLog(t, b, h)
	}
	return logs
}

func openLog(t testing.TB, b hub.Broker, h hub.History) overLog {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	l, err := b.(hub.HistoryBroker).OpenLog(ctx, h)
	if err != nil {
		t.Fatalf("OpenLog: %v", err)
	}
	return overLog{l}
}

// overLogs makes brokers of logs: what is so in a room is so in one with history.
func overLogs(open Open) Open {
	return func(t testing.TB, nodes int) []hub.Broker { return openLogs(t, open, nodes, hub.History{}) }
}

// overLog is a Log as a Broker.
type overLog struct{ hub.Log }

func (l overLog) Publish(ctx context.Context, room string, data []byte) error {
	return l.Append(ctx, room, data)
}

func (l overLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (func(), error) {
	top, cancel, err := l.Log.Subscribe(ctx, room, s)
	if err != nil {
		return cancel, err
	}
	r := s.(*recorder)
	if again, err := hub.ParsePosition(top.String()); top.IsZero() || again != top || err != nil {
		r.note("Subscribe returned the position %q, which is zero or has no text form", top)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.top = &top
	return cancel, nil
}

func (r *recorder) begin() hub.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.top
}

func replay(t testing.TB, b hub.Broker, room string, p hub.Position) hub.Replay {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	got, err := b.(overLog).Since(ctx, room, p)
	if err != nil {
		t.Fatalf("Since(%q, %v): %v", room, p, err)
	}
	return got
}

// wantReplay wants these messages after p.
func wantReplay(t testing.TB, b hub.Broker, room string, p hub.Position, want []hub.Delivery) {
	t.Helper()
	got := replay(t, b, room, p)
	if !got.Complete || !slices.EqualFunc(got.Missed, want, sameMessage) {
		t.Fatalf("Since(%q, %v) gave %s, complete: %t; want %s", room, p, shown(got.Missed), got.Complete, shown(want))
	}
	if len(want) == 0 {
		return
	}
	if last := want[len(want)-1].Position; got.Top != last {
		t.Fatalf("Since(%q, %v) gave %v as the top, want %v", room, p, got.Top, last)
	}
	if p.IsZero() {
		p = hub.Position{Epoch: got.Top.Epoch, Offset: got.Missed[0].Previous}
	}
	checkChain(t, "Since", p, got.Missed)
}

// wantPartial wants it to be said that not all after p is kept.
func wantPartial(t testing.TB, b hub.Broker, room string, p, top hub.Position) {
	t.Helper()
	if got := replay(t, b, room, p); got.Complete || got.Missed != nil || got.Top != top {
		t.Fatalf("Since(%q, %v) gave %s, complete: %t, top %v; want none, not complete, top %v", room, p, shown(got.Missed), got.Complete, got.Top, top)
	}
}

func sameMessage(a, b hub.Delivery) bool {
	return a.Position == b.Position && string(a.Data) == string(b.Data)
}

func shown(deliveries []hub.Delivery) string {
	s := fmt.Sprintf("%d messages", len(deliveries))
	for i, d := range deliveries {
		if i == 20 {
			return s + " ..."
		}
		s += fmt.Sprintf(" %v(%d)=%.20q", d.Position, d.Previous, d.Data)
	}
	return s
}

// All subscriptions receive the messages in one order, which is that of the history.
func sameOrder(t testing.TB, open Open) {
	const nodes, messages = 3, 60
	logs := openLogs(t, open, nodes, hub.History{Size: 1000})
	var recorders []*recorder
	for _, b := range logs {
		recorders = append(recorders, subscribe(t, b, "room"), subscribe(t, b, "room"))
	}
	var all sync.WaitGroup
	for n, b := range logs {
		for p := range 2 {
			all.Go(func() {
				for i := range messages {
					publish(t, b, "room", fmt.Sprintf("%d.%d/%d", n, p, i))
				}
			})
		}
	}
	all.Wait()
	publish(t, logs[0], "room", "end")
	for _, r := range recorders {
		r.wait(nodes*2*messages + 1)
	}
	first := recorders[0].deliveries()
	for _, r := range recorders[1:] {
		if got := r.deliveries(); !slices.EqualFunc(got, first, sameMessage) {
			t.Fatalf("one subscription received %s, another %s", shown(first), shown(got))
		}
	}
	for _, b := range logs {
		wantReplay(t, b, "room", hub.Position{}, first)
	}
}

// Since tells what came after a position, or that it can't.
func since(t testing.TB, open Open) {
	const messages = 20
	logs := openLogs(t, open, 2, hub.History{})
	r := subscribe(t, logs[1], "room")
	empty := r.begin()
	for _, b := range logs {
		wantReplay(t, b, "room", hub.Position{}, nil)
		wantReplay(t, b, "room", empty, nil)
		if got := replay(t, b, "room", hub.Position{}); got.Top.IsZero() || got.Top.Epoch != empty.Epoch {
			t.Fatalf("an empty room stands at %q by Since, at %q by Subscribe", got.Top, empty)
		}
	}
	for i := range messages {
		publish(t, logs[i%2], "room", strconv.Itoa(i))
		publish(t, logs[i%2], "another room", "something else")
	}
	r.wait(messages)
	all := r.deliveries()
	top := all[messages-1].Position
	if second := subscribe(t, logs[0], "room"); second.begin() != top {
		t.Fatalf("Subscribe says that the room stands at %v, want %v", second.begin(), top)
	}
	for _, b := range logs {
		wantReplay(t, b, "room", hub.Position{}, all)
		wantReplay(t, b, "room", empty, all)
		for i, d := range all {
			wantReplay(t, b, "room", d.Position, all[i+1:])
		}
		wantPartial(t, b, "room", hub.Position{Epoch: "another-epoch", Offset: all[3].Position.Offset}, top)
		wantPartial(t, b, "room", hub.Position{Epoch: "another-epoch"}, top)
		wantPartial(t, b, "room", hub.Position{Epoch: top.Epoch, Offset: top.Offset + 1e6}, top)
		wantReplay(t, b, "room", top, nil)
		if got := replay(t, b, "room", top); got.Top != top {
			t.Fatalf("Since(top) gave the top %v, want %v", got.Top, top)
		}
	}
}

// Of a room that many messages came to the last ones are kept, and what is not kept is told.
func trimmedBySize(t testing.TB, open Open) {
	const size, messages = 10, 25
	logs := openLogs(t, open, 2, hub.History{Size: size})
	r := subscribe(t, logs[0], "room")
	empty := r.begin()
	for i := range messages {
		publish(t, logs[0], "room", strconv.Itoa(i))
	}
	r.wait(messages)
	all := r.deliveries()
	top := all[messages-1].Position
	for _, b := range logs {
		wantReplay(t, b, "room", hub.Position{}, all[messages-size:])
		for i, d := range all {
			if i+1 < messages-size {
				wantPartial(t, b, "room", d.Position, top)
			} else {
				wantReplay(t, b, "room", d.Position, all[i+1:])
			}
		}
		wantPartial(t, b, "room", empty, top)
	}
}

// What is too old is not kept, and that is told. When nothing is kept, a broker may not know any more
// whether a position is the last one.
func trimmedByAge(t testing.TB, open Open) {
	logs := openLogs(t, open, 2, hub.History{Age: time.Second})
	r := subscribe(t, logs[0], "room")
	publish(t, logs[0], "room", "1")
	publish(t, logs[0], "room", "2")
	r.wait(2)
	old := r.deliveries()
	for _, b := range logs {
		eventually(t, func() string {
			if got := replay(t, b, "room", hub.Position{}); len(got.Missed) > 0 {
				return shown(got.Missed) + " are still kept"
			}
			return ""
		})
		if got := replay(t, b, "room", old[0].Position); got.Complete || got.Missed != nil {
			t.Fatalf("Since(%v) gave %s, complete: %t; want it to be told that one is not kept", old[0].Position, shown(got.Missed), got.Complete)
		}
		if got := replay(t, b, "room", old[1].Position); len(got.Missed) > 0 {
			t.Fatalf("Since(%v), the last one, gave %s", old[1].Position, shown(got.Missed))
		}
	}
	publish(t, logs[1], "room", "3")
	r.want("1", "2", "3")
	fresh := r.deliveries()[2:]
	for _, b := range logs {
		got := replay(t, b, "room", old[1].Position)
		if got.Complete != (len(got.Missed) == 1) || !slices.EqualFunc(got.Missed, fresh[:len(got.Missed)], sameMessage) {
			t.Fatalf("Since(%v) gave %s, complete: %t; want %s, or not complete", old[1].Position, shown(got.Missed), got.Complete, shown(fresh))
		}
		if got := replay(t, b, "room", old[0].Position); got.Complete || got.Missed != nil {
			t.Fatalf("Since(%v) gave %s, complete: %t; want it to be told that one is not kept", old[0].Position, shown(got.Missed), got.Complete)
		}
	}
}

// Whoever subscribes and then asks for what came since a position has it all and nothing twice, while
// others append: what Since gave, then what was delivered after that.
func sinceWhileAppending(t testing.TB, open Open) {
	const nodes, messages, joiners, rounds = 3, 80, 2, 10
	logs := openLogs(t, open, nodes, hub.History{Size: 1000})
	reference := subscribe(t, logs[0], "room")
	type join struct {
		from hub.Position
		got  hub.Replay
		r    *recorder
	}
	var appending sync.WaitGroup
	for n, b := range logs {
		appending.Go(func() {
			for i := range messages {
				publish(t, b, "room", fmt.Sprintf("%d/%d", n, i))
			}
		})
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var joins []join
	for i := range joiners * rounds {
		known := reference.deliveries()
		from := reference.begin()
		if len(known) > 0 {
			from = known[random.IntN(len(known))].Position
		}
		b := logs[i%nodes]
		r := subscribe(t, b, "room")
		joins = append(joins, join{from, replay(t, b, "room", from), r})
		reference.wait(min(len(known)+10, nodes*messages))
	}
	appending.Wait()
	publish(t, logs[0], "room", "end")
	all := reference.until("the last one", ended)
	everything := reference.deliveries()
	if len(all) != nodes*messages+1 {
		t.Fatalf("%d messages came, want %d", len(all), nodes*messages+1)
	}
	for _, j := range joins {
		j.r.until("the last one", ended)
		if !j.got.Complete {
			t.Fatalf("Since(%v) is not complete, but all is kept", j.from)
		}
		has := slices.Clone(j.got.Missed)
		for _, d := range j.r.deliveries() {
			if d.Position.Offset > j.got.Top.Offset {
				has = append(has, d)
			}
		}
		want := slices.DeleteFunc(slices.Clone(everything), func(d hub.Delivery) bool { return d.Position.Offset <= j.from.Offset })
		if !slices.EqualFunc(has, want, sameMessage) {
			t.Fatalf("Since(%v) gave %s up to %v, the subscription from %v on %s; together they are not all that came after it: %s",
				j.from, shown(j.got.Missed), j.got.Top, j.r.begin(), shown(j.r.deliveries()), shown(want))
		}
	}
}

func ended(texts []string) bool { return len(texts) > 0 && texts[len(texts)-1] == "end" }

// A room with history is another than the one without, even if their names are the same.
func otherThanWithout(t testing.TB, open Open) {
	brokers := open(t, 2)
	logs := []overLog{openLog(t, brokers[0], hub.History{}), openLog(t, brokers[1], hub.History{})}
	for _, room := range []string{"room", "a.b", ">", "*"} {
		kept, live := subscribe(t, logs[0], room), subscribe(t, brokers[0], room)
		publish(t, brokers[1], room, "live")
		publish(t, logs[1], room, "kept")
		publish(t, brokers[1], room, "live end")
		publish(t, logs[1], room, "kept end")
		kept.want("kept", "kept end")
		live.want("live", "live end")
		wantReplay(t, logs[1], room, hub.Position{}, kept.deliveries())
	}
}

// Aging tests that b keeps what is not too old, to the minute. It is for brokers whose time can be faked:
// it is called in a bubble of testing/synctest, takes two hours there, and has subscriptions end with t.
func Aging(t testing.TB, b hub.HistoryBroker) {
	l := openLog(t, b, hub.History{Age: time.Hour})
	r := subscribe(t, l, "room")
	publish(t, l, "room", "1")
	time.Sleep(59 * time.Minute)
	publish(t, l, "room", "2")
	r.wait(2)
	all := r.deliveries()
	wantReplay(t, l, "room", hub.Position{}, all)
	wantReplay(t, l, "room", r.begin(), all)

	time.Sleep(2 * time.Minute)
	wantReplay(t, l, "room", hub.Position{}, all[1:])
	wantReplay(t, l, "room", all[0].Position, all[1:])
	wantPartial(t, l, "room", r.begin(), all[1].Position)

	time.Sleep(57 * time.Minute)
	wantReplay(t, l, "room", hub.Position{}, all[1:])
	time.Sleep(2 * time.Minute)
	wantReplay(t, l, "room", hub.Position{}, nil)
	if got := replay(t, l, "room", all[0].Position); got.Complete || got.Missed != nil {
		t.Fatalf("Since(%v) gave %s, complete: %t; want it to be told that one is not kept", all[0].Position, shown(got.Missed), got.Complete)
	}
}
