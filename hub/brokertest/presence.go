package brokertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spoutws/spout/hub"
)

// presences is what a broker must know about who is in a room.
var presences = []check{
	{"EnterAndExit", enterAndExit},
	{"Many", manyMembers},
	{"WatchFromNow", watchFromNow},
	{"Names", presenceNames},
	{"Strangers", strangers},
	{"Close", closedBrokerLeaves},
}

func openPresence(t testing.TB, open Open, nodes int) []hub.PresenceBroker {
	t.Helper()
	var all []hub.PresenceBroker
	for _, b := range open(t, nodes) {
		all = append(all, b.(hub.PresenceBroker))
	}
	return all
}

// A watcher records who came and went.
type watcher struct {
	t      testing.TB
	room   string
	cancel func()

	under atomic.Int32

	mu    sync.Mutex
	got   []string              // "+id", "-id"
	seen  map[string]hub.Member // by ID
	wrong bool
}

func watch(t testing.TB, b hub.PresenceBroker, room string) *watcher {
	t.Helper()
	w := &watcher{t: t, room: room, seen: map[string]hub.Member{}}
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done() // it outlives the context of Watch
	cancel, err := b.Watch(ctx, room, w.record)
	if err != nil {
		t.Fatalf("Watch(%q): %v", room, err)
	}
	w.cancel = sync.OnceFunc(cancel)
	t.Cleanup(w.cancel)
	return w
}

func (w *watcher) record(e hub.PresenceEvent) {
	together := w.under.Add(1) > 1
	defer w.under.Add(-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = w.wrong || together
	sign := "+"
	if e.Left {
		sign = "-"
	} else {
		w.seen[e.Member.ID] = e.Member
	}
	w.got = append(w.got, sign+e.Member.ID)
}

func (w *watcher) events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

// want waits for these events, those of each member in their order, and wants no others to have come.
func (w *watcher) want(events ...string) {
	w.t.Helper()
	byMember := func(a, b string) int { return strings.Compare(a[1:], b[1:]) }
	slices.SortStableFunc(events, byMember)
	eventually(w.t, func() string {
		got := w.events()
		if len(got) < len(events) {
			return fmt.Sprintf("watching %q told %q, want %q", w.room, got, events)
		}
		return ""
	})
	w.mu.Lock()
	got, wrong := slices.Clone(w.got), w.wrong
	w.mu.Unlock()
	if wrong {
		w.t.Fatalf("watching %q: the function was called while a call was under way", w.room)
	}
	slices.SortStableFunc(got, byMember)
	if !slices.Equal(got, events) {
		w.t.Fatalf("watching %q told %q, want %q", w.room, got, events)
	}
}

func enter(t testing.TB, b hub.PresenceBroker, room, id, data string) {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	m := hub.Member{ID: id}
	if data != "" {
		m.Data = json.RawMessage(data)
	}
	if err := b.Enter(ctx, room, m); err != nil {
		t.Errorf("Enter(%q, %q): %v", room, id, err)
	}
}

func exit(t testing.TB, b hub.PresenceBroker, room, id string) {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	if err := b.Exit(ctx, room, id); err != nil {
		t.Errorf("Exit(%q, %q): %v", room, id, err)
	}
}

// wantMembers waits until b knows these to be in the room, and returns them.
func wantMembers(t testing.TB, b hub.PresenceBroker, room string, ids ...string) []hub.Member {
	t.Helper()
	slices.Sort(ids)
	var members []hub.Member
	eventually(t, func() string {
		ctx, done := context.WithTimeout(context.Background(), patience)
		defer done()
		var err error
		if members, err = b.Members(ctx, room); err != nil {
			return err.Error()
		}
		members = slices.SortedFunc(slices.Values(members), func(a, b hub.Member) int { return cmp.Compare(a.ID, b.ID) })
		var got []string
		for _, m := range members {
			got = append(got, m.ID)
		}
		if !slices.Equal(got, ids) {
			return fmt.Sprintf("members of %q: %q, want %q", room, got, ids)
		}
		return ""
	})
	return members
}

// All nodes hear once of everybody who comes and goes, and know who is there, with data and node.
func enterAndExit(t testing.TB, open Open) {
	brokers := openPresence(t, open, 3)
	var watchers []*watcher
	for _, b := range brokers {
		watchers = append(watchers, watch(t, b, "room"))
	}
	enter(t, brokers[0], "room", "ann", `{"name":"Ann"}`)
	enter(t, brokers[1], "room", "bob", "")
	enter(t, brokers[1], "room", "cid", `[1,null]`)
	for _, b := range brokers {
		m := wantMembers(t, b, "room", "ann", "bob", "cid")
		if got := fmt.Sprintf("%s %s %s", m[0].Data, m[1].Data, m[2].Data); got != `{"name":"Ann"}  [1,null]` {
			t.Fatalf("the members' data are %s", got)
		}
		if m[1].Node != m[2].Node || (m[0].Node == m[1].Node) != (brokers[0] == brokers[1]) {
			t.Fatalf("the members' nodes are %q, %q, %q", m[0].Node, m[1].Node, m[2].Node)
		}
	}
	exit(t, brokers[1], "room", "bob")
	exit(t, brokers[0], "room", "ann")
	enter(t, brokers[2], "room", "dan", "")
	for i, b := range brokers {
		members := wantMembers(t, b, "room", "cid", "dan")
		watchers[i].want("+ann", "+bob", "+cid", "-bob", "-ann", "+dan")
		if got := watchers[i].seen["cid"]; string(got.Data) != `[1,null]` || got.Node != members[0].Node {
			t.Fatalf("watching told of %+v, Members of %+v", got, members[0])
		}
	}
}

// Many who come and go at once are told once each.
func manyMembers(t testing.TB, open Open) {
	const each = 30
	brokers := openPresence(t, open, 3)
	var watchers []*watcher
	for _, b := range brokers {
		watchers = append(watchers, watch(t, b, "room"))
	}
	var all sync.WaitGroup
	var stay, events []string
	for n, b := range brokers {
		for i := range each {
			id := fmt.Sprintf("%d-%d", n, i)
			events = append(events, "+"+id)
			if i%2 == 0 {
				stay = append(stay, id)
			} else {
				events = append(events, "-"+id)
			}
			all.Go(func() {
				enter(t, b, "room", id, "")
				if i%2 != 0 {
					exit(t, b, "room", id)
				}
			})
		}
	}
	all.Wait()
	for i, b := range brokers {
		wantMembers(t, b, "room", slices.Clone(stay)...)
		watchers[i].want(slices.Clone(events)...)
	}
}

// Watch tells of those who come and go from now on, until cancel.
func watchFromNow(t testing.TB, open Open) {
	brokers := openPresence(t, open, 2)
	enter(t, brokers[0], "room", "before", "")
	wantMembers(t, brokers[1], "room", "before")
	for i, b := range brokers {
		mark := fmt.Sprintf("mark %d", i)
		first, second := watch(t, b, "room"), watch(t, b, "room")
		enter(t, brokers[0], "room", mark, "")
		first.want("+" + mark)
		first.cancel()
		exit(t, brokers[0], "room", mark)
		second.want("+"+mark, "-"+mark)
		first.want("+" + mark)
	}
	last := watch(t, brokers[1], "room")
	exit(t, brokers[0], "room", "before")
	last.want("-before")
}

// Who is in one room is in none of another name.
func presenceNames(t testing.TB, open Open) {
	brokers := openPresence(t, open, 2)
	watchers := make([]*watcher, len(oddNames))
	for i, room := range oddNames {
		watchers[i] = watch(t, brokers[1], room)
	}
	for i, room := range oddNames {
		enter(t, brokers[0], room, fmt.Sprint("in ", i), "")
	}
	for i, room := range oddNames {
		id := fmt.Sprint("in ", i)
		wantMembers(t, brokers[1], room, id)
		watchers[i].want("+" + id)
		exit(t, brokers[0], room, id)
	}
	for i, room := range oddNames {
		id := fmt.Sprint("in ", i)
		wantMembers(t, brokers[1], room)
		watchers[i].want("+"+id, "-"+id)
	}
}

// Who never came does not leave, and who left does not leave again.
func strangers(t testing.TB, open Open) {
	brokers := openPresence(t, open, 2)
	w := watch(t, brokers[1], "room")
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	_ = brokers[0].Exit(ctx, "room", "stranger") // an error or none
	enter(t, brokers[0], "room", "ann", "")
	exit(t, brokers[0], "room", "ann")
	_ = brokers[0].Exit(ctx, "room", "ann")
	enter(t, brokers[0], "room", "bob", "")
	wantMembers(t, brokers[1], "room", "bob")
	w.want("+ann", "-ann", "+bob")
}

// The members of a node leave with its broker.
func closedBrokerLeaves(t testing.TB, open Open) {
	brokers := openPresence(t, open, 2)
	c, ok := brokers[0].(io.Closer)
	if !ok || brokers[0] == brokers[1] {
		t.Logf("%T is in one process, or has no method Close() error: nodes do not leave", brokers[0])
		return
	}
	enter(t, brokers[0], "room", "goes", "")
	enter(t, brokers[0], "room", "goes too", "")
	enter(t, brokers[1], "room", "stays", "")
	wantMembers(t, brokers[1], "room", "goes", "goes too", "stays")
	w := watch(t, brokers[1], "room")
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantMembers(t, brokers[1], "room", "stays")
	w.want("-goes", "-goes too")
}
