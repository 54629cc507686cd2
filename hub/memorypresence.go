package hub

import (
	"context"
	"slices"
	"sync"
)

// presence is who is in a room of a Memory.
type presence struct {
	users int // calls under way and watchers; guarded by the lock of Memory.present

	mu       sync.Mutex
	members  []Member
	watchers []*watcher
}

type watcher struct{ f func(PresenceEvent) }

// with calls f with who is in a room, locked.
func (b *Memory) with(room string, f func(p *presence)) {
	p, _ := b.present.getOrMake(room, func() *presence { return new(presence) }, func(p *presence) { p.users++ })
	p.mu.Lock()
	f(p)
	p.mu.Unlock()
	b.present.drop(room, func() (unused bool) {
		p.users--
		return p.users == 0 && len(p.members) == 0 && len(p.watchers) == 0
	})
}

// Enter implements [PresenceBroker].
func (b *Memory) Enter(ctx context.Context, room string, m Member) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	b.with(room, func(p *presence) {
		p.members = append(p.members, m)
		p.tell(PresenceEvent{Member: m})
	})
	return nil
}

// Exit implements [PresenceBroker].
func (b *Memory) Exit(_ context.Context, room, id string) error {
	b.with(room, func(p *presence) {
		if i := slices.IndexFunc(p.members, func(m Member) bool { return m.ID == id }); i >= 0 {
			m := p.members[i]
			p.members = slices.Delete(p.members, i, i+1)
			p.tell(PresenceEvent{Member: m, Left: true})
		}
	})
	return nil
}

// Members implements [PresenceBroker].
func (b *Memory) Members(ctx context.Context, room string) (members []Member, err error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	b.with(room, func(p *presence) { members = slices.Clone(p.members) })
	return members, nil
}

// Watch implements [PresenceBroker].
func (b *Memory) Watch(ctx context.Context, room string, f func(PresenceEvent)) (cancel func(), err error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	w := &watcher{f}
	b.with(room, func(p *presence) { p.watchers = append(p.watchers, w) })
	return func() {
		b.with(room, func(p *presence) {
			p.watchers = slices.DeleteFunc(p.watchers, func(other *watcher) bool { return other == w })
		})
	}, nil
}

// tell tells the watchers. p.mu is held.
func (p *presence) tell(e PresenceEvent) {
	for _, w := range p.watchers {
		w.f(e)
	}
}
