package load

import (
	"errors"
	"sync"
	"time"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

// handshakes opens connections and cuts them, several at a time; each counts as a message.
type handshakes struct{ job Job }

func newHandshakes(j Job) (runner, error) { return &handshakes{j}, nil }

func (h *handshakes) close() {}

func (h *handshakes) run(d time.Duration) (r Result, err error) {
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		latency histogram
		trust   = servers.ClientTLS(h.job.Setup)
		errs    = make([]error, h.job.Conns)
		began   = time.Now()
	)
	for i := range errs {
		wg.Go(func() {
			for time.Since(began) < d {
				from := time.Now()
				c, err := wire.Dial(h.job.Addrs[0], h.job.Setup.Compression, trust)
				if err != nil {
					errs[i] = err
					return
				}
				took := time.Since(from)
				c.Close()
				mu.Lock()
				r.Messages++
				latency.add(took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r.Elapsed = time.Since(began)
	r.set(&latency)
	return r, errors.Join(errs...)
}
