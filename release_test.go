package spout

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// arrived returns a message of n bytes as the reader makes it of one that comes in one piece.
func arrived(n int) Message {
	var d content
	d.append(bytes.Repeat([]byte("m"), n), 0, true)
	return d.message(BinaryMessage, false)
}

// The sizes of memory waste at most a fifth, and what was received is never larger than it may be.
func TestMemorySizes(t *testing.T) {
	for n := memoryFrom; n <= memoryTo; n += 1 + n/1000 {
		i := sizeWithin(n)
		if i < 0 || i >= memorySizes || memorySize(i) > n || memorySize(i+1) <= n || memorySize(i+1)*4 > memorySize(i)*5 {
			t.Fatalf("%d bytes: size %d is %d, the next %d", n, i, memorySize(i), memorySize(i+1))
		}
	}
	if memorySize(0) != memoryFrom || memorySize(memorySizes-1) != memoryTo {
		t.Errorf("sizes from %d to %d, want %d to %d", memorySize(0), memorySize(memorySizes-1), memoryFrom, memoryTo)
	}
	// In pieces, with the rest announced or not; twice, so that memory is there, and new.
	r := rand.New(rand.NewPCG(1, 2))
	whole := make([]byte, 3<<20)
	for i := range whole {
		whole[i] = byte(r.Uint32())
	}
	for range 100 {
		size := r.IntN(len(whole) >> r.IntN(8))
		announced := r.IntN(2) == 0
		var d content
		for end := 0; end < size || d.buf == nil; {
			start := end
			end += min(size-start, 1+r.IntN(1<<r.IntN(19)))
			piece, left := whole[start:end], uint64(0)
			if announced {
				left = uint64(size - end)
			}
			if spare := d.buf[len(d.buf):cap(d.buf)]; len(spare) >= len(piece) && r.IntN(2) == 0 {
				piece = spare[:copy(spare, piece)] // as if it was read there
			}
			d.append(piece, left, end == size)
			if cap(d.buf) > 2*end+4<<10 {
				t.Fatalf("%d bytes of memory after %d", cap(d.buf), end)
			}
		}
		if !bytes.Equal(d.buf, whole[:size]) {
			t.Fatalf("a message of %d bytes is another one", size)
		}
		if m := d.memory; m != nil && &m.b[0] != &d.buf[0] {
			t.Fatalf("a message of %d bytes lies elsewhere", size)
		}
		m := d.message(BinaryMessage, false)
		m.Release()
	}
}

// What was not received, or is small, is not released.
func TestReleaseOfOthers(t *testing.T) {
	large := strings.Repeat("m", 64<<10)
	for name, m := range map[string]Message{
		"text": Text(large), "binary": Binary([]byte(large)), "prepared": Text(large).Prepare(),
		"none": {}, "made": {Type: TextMessage, Data: []byte(large)}, "small": arrived(memoryFrom - 1),
	} {
		before := string(m.Data)
		m.Release()
		m.Release()
		if m.memory != nil || string(m.Data) != before {
			t.Errorf("%s: Release has changed it", name)
		}
	}
}

// A second Release, of any copy, gives back nothing: what lies there may be another's by then.
func TestReleaseTwice(t *testing.T) {
	m := arrived(memoryFrom)
	memory := m.memory
	m.Data = m.Data[5:]
	again := m.Uncompressed()
	m.Release()
	if loans := memory.loan(); loans != m.loan+1 {
		t.Fatalf("after a Release the number is %d, before it was %d", loans, m.loan)
	}
	defer func() {
		if v := recover(); (v != nil) != raceDetector {
			t.Errorf("the second Release: %v, with the race detector: %t", v, raceDetector)
		}
		if loans := memory.loan(); loans != m.loan+1 {
			t.Errorf("the second Release changed the number to %d", loans)
		}
	}()
	again.Release()
}

// A prepared message does not need what it was made of.
func TestReleasePrepared(t *testing.T) {
	m := arrived(memoryFrom)
	want := m.String()
	p := m.Prepare()
	m.memory.spoil() // as whoever gets the memory does
	if m.String() == want || string(p.frame().payload) != want {
		t.Error("the prepared message has changed, or the other has not")
	}
}

// A use after Release is found by the race detector.
func TestUseAfterRelease(t *testing.T) {
	const child = "SPOUT_TEST_USE_AFTER_RELEASE"
	if os.Getenv(child) != "" {
		m := arrived(memoryFrom)
		m.Release()
		for raceDetector && m.Data[len(m.Data)-1] == 'm' {
			runtime.Gosched()
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestUseAfterRelease$")
	cmd.Env = append(os.Environ(), child+"=1", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	found := strings.Contains(string(out), "DATA RACE") && strings.Contains(string(out), "(*memory).spoil")
	if found != raceDetector || (err != nil) != raceDetector {
		t.Errorf("with the race detector: %t; %v\n%s", raceDetector, err, out)
	}
}
