package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

func TestRefusedForGood(t *testing.T) {
	for status, final := range map[int]bool{400: false, 401: true, 403: true, 404: false, 429: false, 500: false, 502: false, 503: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				next := follow(t, client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(status)
				})))
				h := next()
				err := h.Err
				if refused, ok := errors.AsType[*RefusedError](h.err); ok != final {
					t.Fatalf("%+v", h)
				} else if final {
					err = refused.Err
					if h := next(); !h.over {
						t.Errorf("after the end: %+v", h)
					}
				}
				if e, ok := errors.AsType[*spout.HandshakeError](err); !ok || e.Status != status {
					t.Errorf("the reason is %v", err)
				}
			})
		})
	}
}

func TestClosedForGood(t *testing.T) {
	for code, final := range map[spout.Code]bool{
		spout.CloseNoStatus: false, spout.CloseGoingAway: false, spout.CloseProtocol: false, spout.CloseAbnormal: false,
		spout.ClosePolicy: true, spout.CloseTooBig: true, spout.CloseInternal: false, spout.CloseServiceRestart: false,
		spout.CloseTryAgainLater: false, 4000: false,
	} {
		t.Run(code.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				next := follow(t, client(t, script(t, func(c *spout.Conn, _ url.Values) {
					switch code {
					case spout.CloseAbnormal:
						c.CloseNow()
					case spout.CloseNoStatus:
						c.Close(0, "")
					default:
						c.Close(code, "why")
					}
				})))
				h := next()
				refused, ok := errors.AsType[*RefusedError](h.err)
				switch {
				case ok != final || !final && h.Type != Disconnected:
					t.Errorf("%+v", h)
				case final && spout.CloseCode(refused) != code, !final && spout.CloseCode(h.Err) != code:
					t.Errorf("the reason is %v, %v", h.err, h.Err)
				}
			})
		})
	}
}

// What this side closes with 1009 is so the next time; what it closes with 1008 was slow.
func TestClosedByThisSide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := client(t, script(t, func(c *spout.Conn, _ url.Values) { c.Send(spout.Text("four")) }))
		c.Dialer.MessageLimit = 3
		if h := follow(t, c)(); spout.CloseCode(h.err) != spout.CloseTooBig {
			t.Errorf("%+v", h)
		}
	})
	if refused(&spout.CloseError{Code: spout.ClosePolicy}) {
		t.Error("its own 1008 is final")
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0}, {"7", 7 * time.Second}, {"86400", maxRetryAfter}, {"-1", 0}, {"soon", 0}, {"99999999999999999999", 0},
		{"Sat, 01 Jan 2000 00:01:00 GMT", time.Minute}, // the fake clock begins at that midnight
		{"Fri, 31 Dec 1999 00:00:00 GMT", 0},
	} {
		t.Run(test.value, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				down := true
				next := follow(t, client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !down {
						w.WriteHeader(http.StatusForbidden)
						return
					}
					down = false
					w.Header().Set("Retry-After", test.value)
					w.WriteHeader(http.StatusServiceUnavailable)
				})))
				gone := next()
				if gone.Type != Disconnected || gone.Retry < test.want || gone.Retry > test.want+firstWait {
					t.Fatalf("want %v, got %+v", test.want, gone)
				}
				if h := next(); h.at.Sub(gone.at) != gone.Retry {
					t.Errorf("it came back after %v, said %v", h.at.Sub(gone.at), gone.Retry)
				}
			})
		})
	}
}

// The wait grows to its bound, is spread over all that is below it, and begins anew after a connection that
// has lasted.
func TestWaitGrows(t *testing.T) {
	const attempts, samples = 12, 400
	longest, sum := make([]time.Duration, attempts), make([]time.Duration, attempts)
	for range samples {
		for n := range attempts {
			wait := new(Client).wait(n, nil)
			longest[n] = max(longest[n], wait)
			sum[n] += wait
		}
	}
	for n := range attempts {
		bound := min(maxWait, firstWait<<n)
		mean := sum[n] / samples
		// Three quarters and a quarter are more than nine standard deviations away.
		if longest[n] > bound || mean < bound/4 || mean > bound*3/4 {
			t.Errorf("attempt %d: up to %v, %v on average; the bound is %v", n, longest[n], mean, bound)
		}
	}
	if wait := (&Client{MaxWait: time.Millisecond}).wait(1e9, nil); wait > time.Millisecond {
		t.Errorf("waits %v in spite of MaxWait", wait)
	}
}

func TestWaitBeginsAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const short = 40
		n := 0
		next := follow(t, client(t, script(t, func(c *spout.Conn, _ url.Values) {
			if n++; n%short == 0 {
				say(t, c, hub.Envelope{Type: hub.Joined, Room: room})
				time.Sleep(longEnough) // no synchronisation: it is how long this connection lasts
			}
			c.CloseNow()
		})))
		var waits []time.Duration
		for len(waits) < 2*short {
			if e := next(); e.Type == Disconnected {
				waits = append(waits, e.Retry)
			}
		}
		var longest time.Duration
		for i, wait := range waits {
			if first := i == 0 || (i+1)%short == 0; first && wait > firstWait {
				t.Errorf("wait %d is %v", i, wait)
			}
			longest = max(longest, wait)
		}
		if longest < maxWait/2 || longest > maxWait { // it is less once in 2 to the power of 66
			t.Errorf("of %d waits the longest is %v", len(waits), longest)
		}
	})
}

// A server that answers nothing does not hold the Client up for ever, though ctx does not end.
func TestDialIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begin := time.Now()
		gone := follow(t, client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))()
		if gone.Type != Disconnected || gone.at.Sub(begin) != dialTimeout {
			t.Errorf("after %v: %+v", gone.at.Sub(begin), gone)
		}
	})
}
