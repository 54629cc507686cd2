package load

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spoutws/spout/bench/wire"
)

// streams are connections with a goroutine each, for those with TLS.
type streams struct {
	clients []*wire.Client
	traffic traffic
	depth   int
}

func newStreams(j Job) (runner, error) {
	clients, x, err := dial(j)
	if err != nil {
		wire.CloseAll(clients)
		return nil, err
	}
	return &streams{clients, x, max(1, j.Depth)}, nil
}

func (s *streams) close() { wire.CloseAll(s.clients) }

func (s *streams) run(d time.Duration) (r Result, err error) {
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		latency histogram
		errs    = make([]error, len(s.clients))
		began   = time.Now()
	)
	for i, c := range s.clients {
		wg.Go(func() {
			scanner := wire.Scanner{Size: uint64(s.traffic.size)}
			buf := make([]byte, 4<<10)
			for errs[i] == nil && time.Since(began) < d {
				sent := time.Now()
				var n int
				n, errs[i] = s.exchange(c, &scanner, buf)
				took := time.Since(sent)
				mu.Lock()
				r.Wire += int64(n)
				r.Messages += s.depth
				for range s.depth {
					latency.add(took)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r.Elapsed = time.Since(began)
	r.set(&latency)
	return r, errors.Join(errs...)
}

// exchange sends the batch and reads until all of it has come back. It returns how many bytes did.
func (s *streams) exchange(c *wire.Client, scanner *wire.Scanner, buf []byte) (bytes int, err error) {
	if _, err := c.Conn.Write(s.traffic.batches[0]); err != nil {
		return 0, err
	}
	for missing := s.depth; missing > 0; {
		n, err := c.Conn.Read(buf)
		if err != nil {
			return bytes, err
		}
		bytes += n
		messages, err := scanner.Scan(buf[:n])
		if err != nil {
			return bytes, err
		}
		if missing -= messages; missing < 0 {
			return bytes, fmt.Errorf("%d more messages came back than were sent", -missing)
		}
	}
	return bytes, nil
}
