package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
)

// pair returns two nodes that know each other, and what is between the second one and NATS.
func pair(t *testing.T) (one, other *Broker, between *proxy) {
	t.Helper()
	s := natstest.Start(t)
	between = newProxy(t, s.URL)
	o := Options{Prefix: prefix(), URL: s.URL}
	one = open(t, o)
	o.URL = between.url
	other = open(t, o)
	awaitNode(t, one, other)
	awaitNode(t, other, one)
	return one, other, between
}

// The members of a node that can't be reached are gone, and come back with it.
func TestPresenceOfDeadNode(t *testing.T) {
	watching, dying, p := pair(t)
	ctx := context.Background()
	events := make(chan hub.PresenceEvent, 100)
	cancel, err := watching.Watch(ctx, "room", func(e hub.PresenceEvent) { events <- e })
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	next := func(id string, left bool) {
		t.Helper()
		select {
		case e := <-events:
			if e.Member.ID != id || e.Left != left || e.Member.Node != dying.nodes.name {
				t.Fatalf("got %+v, want %s, left: %t", e, id, left)
			}
		case <-time.After(limit):
			t.Fatalf("nothing was told of %s", id)
		}
	}
	if err := dying.Enter(ctx, "room", hub.Member{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	next("ann", false)
	p.part()
	begun := time.Now()
	next("ann", true)
	t.Logf("gone after %v", time.Since(begun))
	if members, err := watching.Members(ctx, "room"); err != nil || len(members) != 0 {
		t.Errorf("members %v, error %v", members, err)
	}
	// Meanwhile somebody comes and somebody goes, and nobody hears of it.
	if err := errors.Join(dying.Exit(ctx, "room", "ann"), dying.Enter(ctx, "room", hub.Member{ID: "bob"})); err != nil {
		t.Fatal(err)
	}
	p.heal()
	begun = time.Now()
	next("bob", false)
	t.Logf("back after %v", time.Since(begun))
	if members, err := dying.Members(ctx, "room"); err != nil || len(members) != 1 || members[0].ID != "bob" {
		t.Errorf("members %v, error %v", members, err)
	}
}

// Where a room is watched nobody has to be asked who is there, and no node that has just died be waited for.
func TestMembersOfWatchedRoom(t *testing.T) {
	watching, dying, p := pair(t)
	ctx := context.Background()
	if err := errors.Join(watching.Enter(ctx, "room", hub.Member{ID: "ann"}), dying.Enter(ctx, "room", hub.Member{ID: "bob"})); err != nil {
		t.Fatal(err)
	}
	cancel, err := watching.Watch(ctx, "room", func(hub.PresenceEvent) {})
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	p.part()
	asked := func() uint64 {
		watching.presence.mu.Lock()
		defer watching.presence.mu.Unlock()
		return watching.presence.number
	}
	before := asked()
	if err := watching.Enter(ctx, "room", hub.Member{ID: "cy"}); err != nil {
		t.Fatal(err)
	}
	members, err := watching.Members(ctx, "room")
	ids := make(map[string]bool)
	for _, m := range members {
		ids[m.ID] = true
	}
	if err != nil || len(members) < 2 || !ids["ann"] || !ids["cy"] {
		t.Errorf("members %v, error %v", members, err)
	}
	if after := asked(); after != before {
		t.Errorf("%d questions were asked", after-before)
	}
}

// Who watches and is away for a while hears of the difference.
func TestPresenceAfterPartition(t *testing.T) {
	other, away, p := pair(t)
	ctx := context.Background()
	for _, id := range []string{"stays", "goes"} {
		if err := other.Enter(ctx, "room", hub.Member{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	events := make(chan string, 100)
	cancel, err := away.Watch(ctx, "room", func(e hub.PresenceEvent) { events <- fmt.Sprint(e.Member.ID, " ", e.Left) })
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	p.part()
	if err := errors.Join(other.Exit(ctx, "room", "goes"), other.Enter(ctx, "room", hub.Member{ID: "comes"})); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, away, false)
	p.heal()
	got := map[string]bool{}
	for range 2 {
		select {
		case e := <-events:
			got[e] = true
		case <-time.After(limit):
			t.Fatalf("told %v", got)
		}
	}
	if !got["goes true"] || !got["comes false"] {
		t.Errorf("told %v, want that one left and one came", got)
	}
	awaitHealth(t, away, true)
	if len(events) > 0 {
		t.Errorf("told %q, too", <-events)
	}
}
