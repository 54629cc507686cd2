package spout

import "sync"

// Buffers come in several sizes: a connection that has little to read or write holds little. Huge ones are
// for streams that have proved to be large.
const (
	smallBuffer  = 4 << 10
	mediumBuffer = 16 << 10
	largeBuffer  = 64 << 10
	hugeBuffer   = 256 << 10
)

var (
	smallBuffers  = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	mediumBuffers = sync.Pool{New: func() any { return new([mediumBuffer]byte) }}
	largeBuffers  = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
	hugeBuffers   = sync.Pool{New: func() any { return new([hugeBuffer]byte) }}
)

func getSmall() []byte  { return smallBuffers.Get().(*[smallBuffer]byte)[:] }
func getMedium() []byte { return mediumBuffers.Get().(*[mediumBuffer]byte)[:] }
func getLarge() []byte  { return largeBuffers.Get().(*[largeBuffer]byte)[:] }
func getHuge() []byte   { return hugeBuffers.Get().(*[hugeBuffer]byte)[:] }

// getBuffer returns the smallest buffer that holds n bytes, or the largest there is; but one of more
// than most bytes only if it is a small one.
func getBuffer(n, most int) []byte {
	switch {
	case n <= smallBuffer || most < mediumBuffer:
		return getSmall()
	case n <= mediumBuffer || most < largeBuffer:
		return getMedium()
	}
	return getLarge()
}

// putBuffer gives back what came from one of the above; other slices it leaves to the garbage
// collector.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case mediumBuffer:
		mediumBuffers.Put((*[mediumBuffer]byte)(b[:mediumBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	case hugeBuffer:
		hugeBuffers.Put((*[hugeBuffer]byte)(b[:hugeBuffer]))
	}
}
