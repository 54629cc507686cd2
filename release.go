package spout

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Release gives the memory of a received message back, for others to be received in. It is never needed, and
// saves the garbage collector work where many messages are large. After it nobody may use Data, or a slice of
// it; what Send, Write and Prepare have been given they have copied when they return, so that they may come
// before it.
//
// Only messages of at least 16 KiB have such memory, unless they came compressed; for all others, and those that
// were not received, Release does nothing. It is called once, whatever copies of the Message there are, and
// from any goroutine. A second call does nothing.
//
// In a program that is built with -race, memory is not used again: Release overwrites it, so that
// the race detector reports whoever uses it afterwards, and a second call panics.
func (m Message) Release() {
	switch {
	case m.memory == nil:
	case !m.memory.loans.CompareAndSwap(m.loan, m.loan+1):
		if raceDetector {
			panic("spout: the message was released before")
		}
	case raceDetector:
		go m.memory.spoil() // a goroutine with which nobody synchronizes
	default:
		m.memory.free()
	}
}

// memory is what a large message lies in.
type memory struct {
	b     []byte        // all of it
	loans atomic.Uint32 // how many messages have given it back; the current one knows this number
}

// The memory of messages comes in sizes of which there are four to each power of two, so that at most a fifth
// is wasted. Smaller messages cost less anew, and larger ones are too rare to keep anything for them.
const (
	memoryFrom  = 16 << 10
	memoryTo    = 16 << 20
	memorySizes = 4*10 + 1
)

var memories [memorySizes]sync.Pool

// memorySize returns the i-th size, and sizeWithin the last one that is not over n.
func memorySize(i int) int { return (4 + i%4) << (12 + i/4) }

func sizeWithin(n int) (i int) {
	shift := bits.Len(uint(n)) - 3
	return 4*(shift-12) + n>>shift - 4
}

// lay returns p in memory that has room for size bytes: hardly more and never over most, or for fewer if there
// is none of a size between. What is not of one of the sizes has no *memory.
func lay(p []byte, size, most int) ([]byte, *memory) {
	if size < memoryFrom || size > memoryTo {
		b := make([]byte, size)
		copy(b, p) // with make before it, what is overwritten is not cleared
		return b[:len(p)], nil
	}
	i := sizeWithin(size)
	if memorySize(i) < size && memorySize(i+1) <= most {
		i++
	}
	if m, ok := memories[i].Get().(*memory); ok {
		return append(m.b[:0], p...), m
	}
	b := make([]byte, memorySize(i))
	copy(b, p)
	return b[:len(p)], &memory{b: b}
}

// free gives back memory, if it is not nil, that nobody uses.
func (m *memory) free() {
	if m != nil {
		memories[sizeWithin(len(m.b))].Put(m)
	}
}

// spoil overwrites memory with what nobody sent.
func (m *memory) spoil() {
	const junk = "\xdb released \xdb"
	for b := m.b; len(b) > 0; b = b[copy(b, junk):] {
	}
}

// loan returns the number of the loan that a message has which lies in m now.
func (m *memory) loan() uint32 {
	if m == nil {
		return 0
	}
	return m.loans.Load()
}
