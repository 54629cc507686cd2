package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/spoutws/spout"
)

// RefusedError says that the server does not want this Client: to connect again would lead to the same.
type RefusedError struct {
	// Err is a *spout.HandshakeError with status 401 or 403, or a *spout.CloseError with code 1008 or 1009.
	Err error
}

func (e *RefusedError) Error() string { return "client: refused for good: " + e.Err.Error() }

// Unwrap returns Err.
func (e *RefusedError) Unwrap() error { return e.Err }

// refused reports whether an error is the server's last word.
func refused(err error) bool {
	if h, ok := errors.AsType[*spout.HandshakeError](err); ok {
		return h.Status == http.StatusUnauthorized || h.Status == http.StatusForbidden
	}
	c, ok := errors.AsType[*spout.CloseError](err)
	// With 1009 this side closes, too: a message that is over its limit is so the next time as well. With 1008 it
	// closes when the network was slow.
	return ok && (c.Code == spout.ClosePolicy && c.Remote || c.Code == spout.CloseTooBig)
}

const (
	firstWait     = 500 * time.Millisecond
	maxWait       = 30 * time.Second // by default
	maxRetryAfter = 10 * time.Minute
)

// wait returns how long to wait after that many failures in a row: at random up to a bound that doubles each time
// ("full jitter"), so that those who lost the same server come back spread over it. If the server has said
// when it will be there again, the wait begins then.
func (c *Client) wait(failures int, err error) time.Duration {
	bound := c.MaxWait
	if bound <= 0 {
		bound = maxWait
	}
	if failures < 16 {
		bound = min(bound, firstWait<<failures)
	}
	return retryAfter(err) + rand.N(bound)
}

// retryAfter returns what the server's answer says in its header Retry-After (RFC 9110, section 10.2.3).
func retryAfter(err error) time.Duration {
	h, ok := errors.AsType[*spout.HandshakeError](err)
	if !ok {
		return 0
	}
	value := h.Header.Get("Retry-After")
	var after time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		after = time.Until(date)
	}
	return max(0, min(after, maxRetryAfter))
}
