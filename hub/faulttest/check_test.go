package faulttest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// True logs are without a violation, and what was owed is delivered or announced.
func TestTrueLogs(t *testing.T) {
	var owed, announced int
	for seed := range uint64(300) {
		for _, history := range []bool{false, true} {
			r := Check(simulate(seed, history))
			if len(r.Violations) > 0 {
				t.Fatalf("seed %d, history %t:\n%s", seed, history, strings.Join(r.Violations, "\n"))
			}
			if r.Lost != 0 || r.Owed != r.Delivered+r.Announced || r.Acknowledged == 0 || r.Failed == 0 && r.Uncertain == 0 {
				t.Fatalf("seed %d, history %t: %+v", seed, history, r)
			}
			owed += r.Owed
			announced += r.Announced
		}
	}
	t.Logf("%d owed, %d of them announced", owed, announced)
	if announced == 0 || announced > owed/2 {
		t.Errorf("%d of %d messages were announced: the simulation is of no use", announced, owed)
	}
}

// A mutation makes true logs false. It reports whether it could.
type mutation struct {
	name string
	do   func(random *rand.Rand, publishes []Publish, s []Subscription) bool
}

var mutations = []mutation{
	{"drop", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if !owed(publishes, events, i) {
				return nil, false
			}
			return slices.Delete(events, i, i+1), true
		})
	}},
	{"duplicate", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if events[i].Kind != Received {
				return nil, false
			}
			end := len(events) // of the connection, where nobody could know better on another one
			if next := slices.IndexFunc(events[i:], func(e Event) bool { return e.Kind == Joined }); events[i].Position.IsZero() && next > 0 {
				end = i + next
			}
			return slices.Insert(events, i+1+random.IntN(end-i), events[i]), true
		})
	}},
	{"swap", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if i+1 == len(events) || events[i].Kind != Received || events[i+1].Kind != Received {
				return nil, false
			}
			a, b := events[i], events[i+1]
			events[i], events[i+1] = b, a
			return events, !a.Position.IsZero() ||
				a.Message.Publisher == b.Message.Publisher && outcome(publishes, a) == Acknowledged && outcome(publishes, b) == Acknowledged
		})
	}},
	{"hidden gap", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if !announces(publishes, events, i) {
				return nil, false
			}
			return slices.Delete(events, i, i+1), true
		})
	}},
	{"recovered, but not all", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if events[i].Kind != Joined || !announces(publishes, events, i) {
				return nil, false
			}
			events[i].Recovered = true
			return events, true
		})
	}},
	{"refused, but published", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if events[i].Kind != Received {
				return nil, false
			}
			for j := range publishes {
				if publishes[j].Message == events[i].Message {
					publishes[j].Outcome = Failed
				}
			}
			return events, true
		})
	}},
	{"invented", func(random *rand.Rand, _ []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			events[i].Message.N += 1000
			return events, events[i].Kind == Received
		})
	}},
	{"acknowledged, but not published", func(random *rand.Rand, publishes []Publish, s []Subscription) bool {
		// Nobody received what failed; those who were there when it was tried would have had to.
		i := random.IntN(len(publishes))
		for _, sub := range s {
			if sub.Ended && publishes[i].Outcome == Failed && publishes[i].Begun >= stretch(sub) {
				publishes[i].Outcome = Acknowledged
				return true
			}
		}
		return false
	}},
	{"another message at the same offset", func(random *rand.Rand, _ []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			if i == 0 || events[i].Kind != Received || events[i-1].Kind != Received {
				return nil, false
			}
			events[i].Position = events[i-1].Position
			return events, !events[i].Position.IsZero()
		})
	}},
	{"a wrong previous one", func(random *rand.Rand, _ []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			events[i].Previous++
			return events, events[i].Kind == Received && !events[i].Position.IsZero()
		})
	}},
	{"another epoch", func(random *rand.Rand, _ []Publish, s []Subscription) bool {
		return change(random, s, func(events []Event, i int) ([]Event, bool) {
			events[i].Position.Epoch = "another"
			return events, events[i].Kind == Received
		})
	}},
	{"published twice by the logs", func(random *rand.Rand, publishes []Publish, _ []Subscription) bool {
		i := random.IntN(len(publishes) - 1)
		publishes[i+1] = publishes[i]
		return true
	}},
}

// change changes a random log at a random event; do says whether that makes it false.
func change(random *rand.Rand, s []Subscription, do func(events []Event, i int) ([]Event, bool)) bool {
	n := random.IntN(len(s))
	if len(s[n].Events) == 0 {
		return false
	}
	events, ok := do(slices.Clone(s[n].Events), random.IntN(len(s[n].Events)))
	if ok {
		s[n].Events = events
	}
	return ok
}

func outcome(publishes []Publish, e Event) Outcome {
	for _, p := range publishes {
		if p.Message == e.Message {
			return p.Outcome
		}
	}
	return Failed
}

// owed reports whether the ith event is a message that was begun after the stretch had, and that another
// acknowledged one of its publisher follows in it.
func owed(publishes []Publish, events []Event, i int) bool {
	if events[i].Kind != Received || outcome(publishes, events[i]) != Acknowledged {
		return false
	}
	begun := stretch(Subscription{Events: events[:i+1]})
	for _, p := range publishes {
		if p.Message == events[i].Message && p.Begun < begun {
			return false
		}
	}
	for _, e := range events[i+1:] {
		if e.Kind == Gap || e.Kind == Joined && !e.Recovered {
			return false
		}
		if e.Message.Publisher == events[i].Message.Publisher && outcome(publishes, e) == Acknowledged {
			return true
		}
	}
	return false
}

// announces reports whether the ith event is what tells that an acknowledged message is missing, and a
// later one of its publisher came after that.
func announces(publishes []Publish, events []Event, i int) bool {
	if i == 0 || events[i].Kind == Received || events[i].Recovered {
		return false
	}
	came := map[Message]bool{}
	for _, e := range events {
		came[e.Message] = true
	}
	begun := stretch(Subscription{Events: events[:i]})
	for _, e := range events[i+1:] {
		if e.Kind == Gap || e.Kind == Joined && !e.Recovered {
			return false
		}
		if e.Kind != Received || outcome(publishes, e) != Acknowledged {
			continue
		}
		for _, p := range publishes {
			if p.Publisher == e.Message.Publisher && p.N < e.Message.N && p.Outcome == Acknowledged && p.Begun >= begun && !came[p.Message] {
				return true
			}
		}
	}
	return false
}

// stretch returns when the last stretch of a log began.
func stretch(s Subscription) time.Duration {
	for _, e := range slices.Backward(s.Events) {
		if e.Kind == Gap || e.Kind == Joined && !e.Recovered {
			return e.At
		}
	}
	return 0
}

// mutate tries until it could, and returns what Check says then; nil if it never could.
func mutate(seed uint64, history bool, m mutation) *Report {
	random := rand.New(rand.NewPCG(seed, 2))
	publishes, subscriptions := simulate(seed, history)
	for range 50 {
		p, s := slices.Clone(publishes), slices.Clone(subscriptions)
		if m.do(random, p, s) {
			return Check(p, s)
		}
	}
	return nil
}

// Every mutation is noticed, whatever the logs.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			tried := 0
			for seed := range uint64(120) {
				for _, history := range []bool{false, true} {
					r := mutate(seed, history, m)
					if r == nil {
						continue
					}
					tried++
					if len(r.Violations) == 0 {
						t.Fatalf("seed %d, history %t: not noticed: %+v", seed, history, r)
					}
				}
			}
			if tried < 50 {
				t.Errorf("could be tried %d times only", tried)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for i := range mutations {
		f.Add(uint64(i), i%2 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, history bool, which uint8) {
		if r := Check(simulate(seed, history)); len(r.Violations) > 0 {
			t.Fatalf("true logs:\n%s", strings.Join(r.Violations, "\n"))
		}
		m := mutations[int(which)%len(mutations)]
		if r := mutate(seed, history, m); r != nil && len(r.Violations) == 0 {
			t.Fatalf("%s was not noticed: %+v", m.name, r)
		}
	})
}

// Plain logs, written by hand.
func TestCheck(t *testing.T) {
	ack := func(n int) Publish {
		return Publish{Message: Message{"p", n}, Room: "r", Begun: time.Duration(10 * n), Outcome: Acknowledged}
	}
	published := []Publish{ack(1), ack(2), ack(3), ack(4)}
	joined := func(at time.Duration) Event { return Event{Kind: Joined, At: at} }
	got := func(n int) Event { return Event{Kind: Received, At: time.Duration(10*n + 5), Message: Message{"p", n}} }
	gap := func(at time.Duration) Event { return Event{Kind: Gap, At: at} }
	at := func(offset uint64, e Event) Event {
		e.Position = hub.Position{Epoch: "e", Offset: offset}
		return e
	}
	recovered := func(e Event) Event { e.Recovered = true; return e }
	tests := []struct {
		name                       string
		events                     []Event
		left                       bool
		owed, delivered, announced int
		violation                  string
	}{
		{"all", []Event{joined(0), got(1), got(2), got(3), got(4)}, false, 4, 4, 0, ""},
		{"from the third on", []Event{joined(25), got(3), got(4)}, false, 2, 2, 0, ""},
		{"one more than is owed", []Event{joined(25), got(2), got(3), got(4)}, false, 2, 2, 0, ""},
		{"until the second", []Event{joined(0), got(1), got(2)}, true, 2, 2, 0, ""},
		{"a gap", []Event{joined(0), got(1), gap(35), got(4)}, false, 4, 2, 2, ""},
		{"joined again", []Event{joined(0), got(1), joined(35), got(4)}, false, 4, 2, 2, ""},
		{"a gap that comes too late", []Event{joined(0), got(1), got(3), gap(37), got(4)}, false, 4, 3, 0, "never received p/2"},
		{"a gap that comes too early", []Event{joined(0), gap(15), got(3), got(4)}, false, 4, 2, 1, "never received p/2"},
		{"none at all", []Event{joined(0)}, false, 4, 0, 0, "never received p/1"},
		{"nobody", nil, false, 0, 0, 0, ""},
		{"the end is missing", []Event{joined(0), got(1), got(2), got(3)}, false, 4, 3, 0, "never received p/4"},
		{"twice", []Event{joined(0), got(1), got(2), got(2), got(3), got(4)}, false, 4, 4, 0, "p/2 twice"},
		{"twice over a gap", []Event{joined(0), got(1), got(2), gap(26), got(2), got(3), got(4)}, false, 4, 4, 0, "p/2 twice"},
		{"again on another connection", []Event{joined(0), got(1), got(2), joined(26), got(1), got(2), got(3), got(4)}, false, 4, 4, 0, ""},
		{"again and again", []Event{joined(0), got(1), got(2), joined(26), got(2), got(2), got(3), got(4)}, false, 4, 4, 0, "p/2 twice"},
		{"swapped", []Event{joined(0), got(1), got(3), got(2), got(4)}, false, 4, 4, 0, "p/2 after 3"},
		{"before it joined", []Event{got(1), joined(15)}, false, 0, 0, 0, "before it joined"},

		{"history", []Event{at(10, joined(0)), at(11, got(1)), at(15, got(2)), at(16, got(3)), at(20, got(4))}, false, 4, 4, 0, ""},
		{"recovered", []Event{at(10, joined(0)), at(11, got(1)), recovered(at(11, joined(35))), at(15, got(2)), at(16, got(3)), at(20, got(4))}, false, 4, 4, 0, ""},
		{"again on another connection, with history", []Event{at(10, joined(0)), at(11, got(1)), recovered(at(11, joined(15))), at(11, got(1)), at(15, got(2)), at(16, got(3)), at(20, got(4))}, false, 4, 4, 0, "p/1 twice"},
		{"recovered in part", []Event{at(10, joined(0)), at(11, got(1)), recovered(at(11, joined(35))), at(16, got(3)), at(20, got(4))}, false, 4, 3, 0, "never received p/2"},
		{"recovered in another epoch", []Event{at(10, joined(0)), at(11, got(1)), recovered(Event{Kind: Joined, At: 15, Position: hub.Position{Epoch: "f"}}), at(15, got(2)), at(16, got(3)), at(20, got(4))}, false, 4, 4, 0, "in another epoch"},
		{"back again", []Event{at(10, joined(0)), at(11, got(1)), at(15, got(2)), at(16, got(3)), at(20, got(4)), at(16, gap(50))}, false, 4, 4, 0, "stands at e:16 after it stood at e:20"},
	}
	for _, test := range tests {
		r := Check(published, []Subscription{{Name: "s", Room: "r", Events: test.events, Ended: !test.left}})
		if told := strings.Join(r.Violations, "\n"); (test.violation == "") != (told == "") || !strings.Contains(told, test.violation) {
			t.Errorf("%s: violations %q, want %q", test.name, told, test.violation)
		}
		if r.Owed != test.owed || r.Delivered != test.delivered || r.Announced != test.announced || r.Lost != r.Owed-r.Delivered-r.Announced {
			t.Errorf("%s: %+v, want %d owed, %d delivered, %d announced", test.name, r, test.owed, test.delivered, test.announced)
		}
	}
}
