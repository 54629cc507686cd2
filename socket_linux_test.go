package spout

import (
	"testing"
	"unsafe"
)

// An idle connection holds a plainSocket and its place among others. One byte more, and the runtime would
// give it 288.
func TestPlainSocketSize(t *testing.T) {
	const most = 256 // a size of package runtime
	if size := unsafe.Sizeof(plainSocket{}); size > most {
		t.Errorf("%d bytes, want at most %d", size, most)
	} else {
		t.Logf("%d bytes; with TLS %d", size, unsafe.Sizeof(secureSocket{}))
	}
}
