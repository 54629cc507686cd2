//go:build unix

package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub/faulttest"
)

// report is what came of an experiment.
type report struct {
	plan     plan
	took     time.Duration
	rooms    map[string]*faulttest.Report // by kind
	begun    map[faulttest.Message]time.Duration
	rows     []row
	problems []string
}

// row is all injections of one kind.
type row struct {
	fault      *fault
	count      int
	gaps       map[string][]time.Duration // by kind of rooms, of each member and injection
	after      []time.Duration            // the gaps of rooms without history, from when the broker was there again
	reconnects []time.Duration
	alone      []time.Duration // what messages took in the slow member's room before it was slow
	beside     []time.Duration // and while it was, to the others
	notes      []string
	beyond     []string // the notes that are beyond their bound
}

func (x *experiment) report() *report {
	r := &report{plan: x.plan, took: time.Since(x.began), rooms: map[string]*faulttest.Report{},
		begun: map[faulttest.Message]time.Duration{}, problems: x.problems}
	for _, kind := range kinds {
		var publishes []faulttest.Publish
		var subscriptions []faulttest.Subscription
		for _, p := range x.publishers {
			if p.kind == kind {
				publishes = append(publishes, p.publishes...)
			}
		}
		for _, m := range x.members {
			if m.kind == kind {
				subscriptions = append(subscriptions, faulttest.Subscription{Name: m.name, Room: m.room, Events: m.events, Ended: true})
			}
		}
		r.rooms[kind] = faulttest.Check(publishes, subscriptions)
		for _, p := range publishes {
			r.begun[p.Message] = p.Begun
		}
	}
	for _, f := range faults {
		row := row{fault: f, gaps: map[string][]time.Duration{}}
		for i, n := range x.injections {
			if n.fault == f {
				until := time.Since(x.began)
				if i+1 < len(x.injections) {
					until = x.injections[i+1].at
				}
				row.count++
				r.add(&row, x, n, until)
			}
		}
		if row.count > 0 {
			row.bounds()
			r.rows = append(r.rows, row)
		}
	}
	return r
}

// add adds an injection to its row: what happened until the next one.
func (r *report) add(row *row, x *experiment, n *injection, until time.Duration) {
	var dials []time.Duration
	for _, d := range x.cluster.dials {
		if at := d.Sub(x.began); at >= n.at && at < until {
			dials = append(dials, at)
		}
	}
	ended, told := 0, 0
	for _, m := range x.members {
		for _, c := range m.reconnects {
			if c.lost >= n.at && c.lost < until && c.took > 0 {
				row.reconnects = append(row.reconnects, c.took)
				ended++
				if c.code == spout.CloseServiceRestart {
					told++
				}
			}
		}
		if isProbe(m.room) {
			if gap, ok := r.gap(m.events, n.at); ok {
				row.gaps[m.kind] = append(row.gaps[m.kind], gap)
				if m.kind == live && n.away > 0 {
					row.after = append(row.after, gap-n.away)
				}
			}
		}
	}
	note := func(format string, args ...any) { row.notes = append(row.notes, fmt.Sprintf(format, args...)) }
	holds := func(ok bool) {
		if !ok {
			row.beyond = append(row.beyond, row.notes[len(row.notes)-1])
		}
	}
	switch {
	case n.away > 0:
		note("the broker was away for %v", round(n.away))
	case n.lasted > 0:
		note("%.0f messages a second offered, %.0f acknowledged", float64(n.offered)/n.lasted.Seconds(), float64(n.acked)/n.lasted.Seconds())
		if n.left > 0 {
			note("its members had left after %v", round(n.left))
			holds(n.left <= 3*time.Second)
		}
	case n.closed > 0:
		note("closed %v after 512 KiB waited for it, %v after it stopped reading; at most %d KiB waited", round(n.closed), round(n.full+n.closed), n.queue>>10)
		holds(n.closed <= 10*time.Second)
		row.alone = append(row.alone, r.latencies(x, n.kind, n.since, n.slow)...)
		row.beside = append(row.beside, r.latencies(x, n.kind, n.slow, n.end)...)
	case n.green > 0:
		note("health red after %v, green %v after the end", round(n.red), round(n.green))
		holds(n.red > 0 && n.red <= 5*time.Second)
	case row.fault.name == "rolling deploy":
		note("%d of %d ended with 1012, fullest 100 ms of new connections %.1f times the mean", told, ended, crowding(dials))
		holds(told == ended)
	}
}

// bounds holds the row against the targets.
func (row *row) bounds() {
	p99 := percentile(row.reconnects, 99)
	if row.fault.name == "node killed in a burst" && p99 > 5*time.Second {
		row.beyond = append(row.beyond, fmt.Sprintf("clients are back after %v (p99)", round(p99)))
	}
	if len(row.alone) > 0 {
		row.notes = append(row.notes, fmt.Sprintf("messages to the others took %v / %v before (p50 / p99), %v / %v beside it", round(percentile(row.alone, 50)),
			round(percentile(row.alone, 99)), round(percentile(row.beside, 50)), round(percentile(row.beside, 99))))
	}
	if gap := percentile(row.after, 99); gap > 500*time.Millisecond {
		row.beyond = append(row.beyond, fmt.Sprintf("a gap of %v after the broker was there again (p99)", round(gap)))
	}
}

// gap returns how long it took until a member received something that was published after a time.
func (r *report) gap(events []faulttest.Event, at time.Duration) (time.Duration, bool) {
	i, _ := slices.BinarySearchFunc(events, at, func(e faulttest.Event, at time.Duration) int { return cmp.Compare(e.At, at) })
	for _, e := range events[i:] {
		if e.Kind == faulttest.Received && r.begun[e.Message] >= at {
			return e.At - at, true
		}
	}
	return 0, false
}

// latencies returns how long messages took to the members of the slow one's room, but for itself.
func (r *report) latencies(x *experiment, kind string, from, to time.Duration) (all []time.Duration) {
	for _, m := range x.members {
		if m.room != "slow" || m.kind != kind || m == x.slow[m.kind] {
			continue
		}
		for _, e := range m.events {
			if begun := r.begun[e.Message]; e.Kind == faulttest.Received && begun >= from && begun < to {
				all = append(all, e.At-begun)
			}
		}
	}
	return all
}

// crowding returns how many times the mean the fullest tenth of a second is, at worst, of times that come in
// groups; of the first and the last twentieth of each, which come too seldom to count, nothing is counted.
func crowding(times []time.Duration) (worst float64) {
	slices.Sort(times)
	for len(times) > 0 {
		n := 1
		for n < len(times) && times[n]-times[n-1] < time.Second {
			n++
		}
		group := times[n/20 : n-n/20]
		times = times[n:]
		if n < 50 { // it says nothing
			continue
		}
		const bin = 100 * time.Millisecond
		bins := map[time.Duration]int{}
		fullest := 0
		for _, t := range group {
			i := (t - group[0]) / bin
			bins[i]++
			fullest = max(fullest, bins[i])
		}
		took := max(group[len(group)-1]-group[0], bin)
		worst = max(worst, float64(fullest)/(float64(len(group))*float64(bin)/float64(took)))
	}
	return worst
}

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// violations counts what may not be.
func (r *report) violations() int {
	n := len(r.problems)
	for _, rooms := range r.rooms {
		n += len(rooms.Violations)
	}
	return n
}

// print prints all, the first violations in words.
func (r *report) print(w io.Writer) {
	fmt.Fprint(w, r.tables())
	for _, kind := range kinds {
		for i, v := range r.rooms[kind].Violations {
			if i == 20 {
				fmt.Fprintln(w, "...")
				break
			}
			fmt.Fprintln(w, "VIOLATION:", kind, v)
		}
	}
	for _, p := range r.problems {
		fmt.Fprintln(w, "VIOLATION:", p)
	}
	fmt.Fprintf(w, "%d violations; seed %d\n", r.violations(), r.plan.seed)
}

func (r *report) markdown() string {
	return fmt.Sprintf(`# Faults

What faults do to rooms across nodes: written by `+"`make faults INJECT=-write`"+`, not by hand. Measured on %s; %s/%s, %d
processors, %s. One NATS server and three nodes, all processes of their own, each node behind a proxy; the members and
the publishers are one more process. %d members in rooms of %d, half of the rooms with history; %d faults in %v, with seed %d.

Publishers log whether a message was acknowledged, members what they received, every gap they were told
of, and how they joined again; `+"`hub/faulttest`"+` holds one against the other: a violation is a message that was
acknowledged and neither came nor was announced as missing, or came twice or out of order. Every second member is
package client; the others leave out nothing that comes twice.

%s
A gap is the time from the fault until a member receives something that was published after it, in rooms
with about %.0f messages a second; it contains the time that the fault itself lasts. A reconnect is the time from
a member's losing its connection until it has joined again. Nothing that a row says is beyond its bound unless it says so: a
gap of 0.5 s (p99) after a broker that was killed takes connections again, health red within 5 s in a partition, 10 s until a slow member is closed, 5 s
(p99) until the clients of a killed node are back and 3 s until its members have left by presence, and 1012 for every client in a deploy.
`, time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(),
		r.plan.clients, roomSize, r.plan.injections, r.took.Round(time.Second), r.plan.seed, r.tables(), 2*probeRate)
}

func (r *report) tables() string {
	var b strings.Builder
	fmt.Fprintln(&b, "| rooms | publishes acknowledged | failed | uncertain | owed to members | delivered | announced as missing | lost | again on another connection | violations |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|---|---|---|")
	for _, kind := range kinds {
		c := r.rooms[kind]
		name := map[string]string{live: "without history (core NATS)", logged: "with history (JetStream)"}[kind]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name, c.Acknowledged, c.Failed, c.Uncertain, c.Owed, c.Delivered, c.Announced, c.Lost, c.Repeated, len(c.Violations))
	}
	fmt.Fprintln(&b, "\n| fault | what | times | gap without history p50 / p99 | gap with history p50 / p99 | reconnects, p50 / p99 | seen besides, of the last ones |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|")
	for _, row := range r.rows {
		both := func(d []time.Duration) string {
			return fmt.Sprintf("%v / %v", round(percentile(d, 50)), round(percentile(d, 99)))
		}
		reconnects := "none"
		if n := len(row.reconnects); n > 0 {
			reconnects = fmt.Sprintf("%d, %s", n, both(row.reconnects))
		}
		notes := row.notes[max(0, len(row.notes)-2):]
		if len(row.beyond) > 0 {
			notes = append(slices.Clone(notes), "BEYOND ITS BOUND: "+strings.Join(row.beyond, "; "))
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s | %s | %s |\n", row.fault.name, row.fault.what, row.count,
			both(row.gaps[live]), both(row.gaps[logged]), reconnects, strings.Join(notes, "; "))
	}
	return b.String()
}
