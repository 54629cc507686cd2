package spout

import "sync"

// Buffers come in two sizes: a connection that has little to read or write holds little.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

func getSmall() []byte { return smallBuffers.Get().(*[smallBuffer]byte)[:] }
func getLarge() []byte { return largeBuffers.Get().(*[largeBuffer]byte)[:] }

// putBuffer gives back what came from getSmall or getLarge; other slices it leaves to the
// garbage collector.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}
