package hub

import (
	"hash/maphash"
	"maps"
	"sync"
)

// shards is a map in parts, each with a lock of its own. The zero value is empty.
type shards[K comparable, V any] struct {
	parts [64]struct {
		mu sync.RWMutex
		m  map[K]V
	}
}

var seed = maphash.MakeSeed()

// part returns the lock and the map that a key belongs to. The map is nil until it has a key.
func (s *shards[K, V]) part(k K) (mu *sync.RWMutex, m *map[K]V) {
	p := &s.parts[maphash.Comparable(seed, k)%uint64(len(s.parts))]
	return &p.mu, &p.m
}

func (s *shards[K, V]) get(k K) (v V, ok bool) {
	mu, m := s.part(k)
	mu.RLock()
	defer mu.RUnlock()
	v, ok = (*m)[k]
	return v, ok
}

// getOrMake returns the value of a key, made if there is none; use is called while the key's lock is held.
func (s *shards[K, V]) getOrMake(k K, create func() V, use func(V)) (v V, made bool) {
	mu, m := s.part(k)
	mu.Lock()
	defer mu.Unlock()
	v, ok := (*m)[k]
	if !ok {
		if *m == nil {
			*m = make(map[K]V)
		}
		v = create()
		(*m)[k] = v
	}
	use(v)
	return v, !ok
}

// drop calls unused with the key's lock held, and forgets the value if that returns true.
func (s *shards[K, V]) drop(k K, unused func() bool) {
	mu, m := s.part(k)
	mu.Lock()
	defer mu.Unlock()
	if unused() {
		delete(*m, k)
	}
}

// prune calls unused for each value, with its key's lock held, and forgets those for which it returns true.
func (s *shards[K, V]) prune(unused func(V) bool) {
	for i := range s.parts {
		p := &s.parts[i]
		p.mu.Lock()
		maps.DeleteFunc(p.m, func(_ K, v V) bool { return unused(v) })
		p.mu.Unlock()
	}
}
