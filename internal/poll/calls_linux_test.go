package poll

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"
)

// sized are lengths of what is read and written: little, as much as leaves the processor to nobody else, the least
// that does not, and more than the system takes at once.
var sized = []int{1, bufferSize, bufferSize + 1, tooMuch}

const tooMuch = 32 << 20

// pattern returns n bytes of which no two places look alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// What is sent comes whole, into a buffer of any size.
func TestReadSizes(t *testing.T) {
	for _, kind := range kinds {
		for _, size := range sized {
			t.Run(fmt.Sprintf("%s %d", kind.name, size), func(t *testing.T) {
				r := newReader()
				r.own = make([]byte, size)
				far := connected(t, newEngine(1), kind.connect, &r.Socket, r)
				r.Release()
				sent := pattern(size + 1)
				if _, err := far.Write(sent); err != nil {
					t.Error(err)
				}
				far.CloseWrite()
				if got := r.wait(t); got != string(sent)+" EOF" {
					t.Errorf("got %d bytes and %.40q, want %d and EOF", len(got), got, len(sent))
				}
			})
		}
	}
}

// writer is a handler that only writes.
type writer struct {
	Socket
	writable chan struct{}
}

func (w *writer) Ready(Readiness, []byte) bool { return false }
func (w *writer) Detained()                    {}

func (w *writer) Writable() {
	select {
	case w.writable <- struct{}{}:
	default:
	}
}

// wait waits until Writable was called.
func (w *writer) wait(t testing.TB) {
	t.Helper()
	select {
	case <-w.writable:
	case <-time.After(time.Minute):
		t.Fatal("writability was not told")
	}
}

// What is written, from one place or two, goes as far as the system takes it, and the rest when it takes bytes again.
func TestWriteSizes(t *testing.T) {
	for _, kind := range kinds {
		for _, head := range []int{0, 10} {
			for _, size := range sized {
				t.Run(fmt.Sprintf("%s %d and %d", kind.name, head, size), func(t *testing.T) {
					w := &writer{writable: make(chan struct{}, 1)}
					far := connected(t, newEngine(1), kind.connect, &w.Socket, w)
					w.Release()
					all := pattern(head + size)
					var n int
					var err error
					if head > 0 {
						n, err = w.WriteBoth(all[:head], all[head:])
					} else {
						n, err = w.Write(all)
					}
					if err != nil || n == 0 || size == tooMuch && n == len(all) {
						t.Fatalf("%d bytes of %d were taken, %v", n, len(all), err)
					}
					received := make(chan []byte, 1)
					go func() {
						got, _ := io.ReadAll(far)
						received <- got
					}()
					for n < len(all) {
						w.AwaitWritable(true)
						m, err := w.Write(all[n:])
						if err != nil {
							t.Fatal(err)
						}
						if n += m; n < len(all) {
							w.wait(t)
						}
					}
					w.Close()
					if got := <-received; !bytes.Equal(got, all) {
						t.Errorf("%d bytes arrived, not the %d that were written", len(got), len(all))
					}
				})
			}
		}
	}
}

// echoer writes what it reads back, and closes with its peer.
type echoer struct {
	Socket
	closed chan error
}

func (e *echoer) Ready(_ Readiness, buf []byte) bool {
	if buf == nil {
		buf = make([]byte, 4096)
	}
	for {
		n, err := e.Read(buf)
		if err == nil && n == 0 {
			e.closed <- e.Close()
			return false
		}
		if err != nil {
			return false
		}
		e.Write(buf[:n])
	}
}

func (e *echoer) Writable() {}
func (e *echoer) Detained() {}

// An event allocates nothing.
func TestEventAllocations(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			engine := newEngine(1)
			e := &echoer{closed: make(chan error, 1)}
			far := connected(t, engine, kind.connect, &e.Socket, e)
			e.Release()
			far.SetDeadline(time.Time{})
			b := []byte("x")
			n := testing.AllocsPerRun(2000, func() {
				far.Write(b)
				if _, err := far.Read(b); err != nil {
					t.Error(err)
				}
			})
			t.Logf("%v allocations for an event and its answer", n)
			if n > 0 {
				t.Errorf("%v allocations for an event and its answer, want none", n)
			}
			far.Close()
			if err := <-e.closed; err != nil {
				t.Error(err)
			}
		})
	}
}
