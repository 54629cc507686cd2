package spout_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

// A message is streamed to its end however its frames and the pieces that are asked for lie to each other.
func TestEngineStreamsFrames(t *testing.T) {
	var srv spout.Server
	sizes := make(chan int)
	addr := serveTCP(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Accept(w, r)
		if err != nil {
			return
		}
		go func() {
			defer c.CloseNow()
			for size := range sizes {
				typ, m, err := c.Reader(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				pieces := struct{ io.Reader }{&atATime{m, size}}
				if err := c.WriteFrom(context.Background(), typ, pieces); err != nil {
					t.Error(err)
				}
			}
		}()
	})})
	p := dialTCP(t, addr).upgrade("/")
	defer close(sizes)
	for _, frame := range []int{1, 1000, 1 << 10, 4 << 10, 32 << 10, 64 << 10} {
		text := strings.Repeat("0123456789abcdef", frame/16+1)[:frame]
		for _, size := range []int{frame, frame + 1, frame/2 + 1, 64 << 10} {
			p.send(masked(opText, text), masked(opContinuation, text), masked(fin|opPing, "ping"), masked(fin|opContinuation, text))
			sizes <- size
			var got strings.Builder
			for end := false; !end; {
				f := p.read()
				if f.b0&0xf == opPong {
					continue
				}
				got.Write(f.payload)
				end = f.b0&fin != 0
			}
			if got.String() != text+text+text {
				t.Fatalf("frames of %d bytes, pieces of %d: %d bytes came back", frame, size, got.Len())
			}
		}
	}
}

// atATime reads at most so many bytes at a time.
type atATime struct {
	r io.Reader
	n int
}

func (a *atATime) Read(p []byte) (int, error) { return a.r.Read(p[:min(len(p), a.n)]) }
