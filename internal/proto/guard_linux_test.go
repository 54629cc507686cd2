package proto

import (
	"os"
	"syscall"
	"testing"
)

// Nothing is read or written beside what is masked or checked: there, memory can't be touched.
func TestGuardPages(t *testing.T) {
	page := os.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	for _, guard := range [][]byte{mem[:page], mem[2*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	mem = mem[page : 2*page]
	eachWay(func(way string) {
		for n := range 1000 {
			for _, p := range [][]byte{mem[:n:n], mem[page-n : page : page]} {
				for i := range p {
					p[i] = byte('a' + i%26)
				}
				key := Key(0x3d21fa37)
				if key.Mask(p); n > 0 && p[n-1] == byte('a'+(n-1)%26) {
					t.Errorf("%s, %d bytes: the last one is not masked", way, n)
				}
				if key.Mask(p); !valid(p) {
					t.Errorf("%s, %d bytes are taken for bad", way, n)
				}
			}
		}
	})
}
