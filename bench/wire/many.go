package wire

import (
	"crypto/tls"
	"errors"
	"slices"
	"sync"
)

// DialMany opens n connections, several at a time. Also with an error, those
// that are returned are open.
func DialMany(addr string, m Mode, t *tls.Config, n int) ([]*Client, error) {
	return DialEach(slices.Repeat([]string{addr}, n), m, t)
}

// DialEach is DialMany for addresses of their own.
func DialEach(addrs []string, m Mode, t *tls.Config) ([]*Client, error) {
	clients := make([]*Client, len(addrs))
	err := Each(len(addrs), func(i int) (err error) {
		clients[i], err = Dial(addrs[i], m, t)
		return err
	})
	open := clients[:0]
	for _, c := range clients {
		if c != nil {
			open = append(open, c)
		}
	}
	return open, err
}

// CloseAll cuts all connections.
func CloseAll(clients []*Client) {
	for _, c := range clients {
		c.Close()
	}
}

// Each calls f for the numbers below n, several at a time, and ends early
// when one fails.
func Each(n int, f func(i int) error) error {
	const workers = 16
	var (
		wg   sync.WaitGroup
		errs [workers]error
		next = make(chan int)
		done = make(chan struct{})
		once sync.Once
	)
	for w := range errs {
		wg.Go(func() {
			for i := range next {
				if errs[w] = f(i); errs[w] != nil {
					once.Do(func() { close(done) })
					return
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-done:
			break feed
		}
	}
	close(next)
	wg.Wait()
	return errors.Join(errs[:]...)
}
