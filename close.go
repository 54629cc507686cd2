package spout

import (
	"errors"
	"fmt"
	"net"
	"unicode/utf8"

	"github.com/spoutws/spout/internal/proto"
)

// Code is a close code (RFC 6455, section 7.4). Applications have 4000 to 4999 for themselves.
type Code uint16

// The registered close codes. CloseNoStatus, CloseAbnormal and CloseTLS are never sent: they
// report that there was no code, no close frame, or no TLS connection.
const (
	CloseNormal         Code = 1000
	CloseGoingAway      Code = 1001
	CloseProtocol       Code = 1002
	CloseUnsupported    Code = 1003
	CloseNoStatus       Code = 1005
	CloseAbnormal       Code = 1006
	CloseInvalidText    Code = 1007
	ClosePolicy         Code = 1008
	CloseTooBig         Code = 1009
	CloseExtension      Code = 1010
	CloseInternal       Code = 1011
	CloseServiceRestart Code = 1012
	CloseTryAgainLater  Code = 1013
	CloseBadGateway     Code = 1014
	CloseTLS            Code = 1015
)

var codeNames = map[Code]string{
	CloseNormal:         "normal",
	CloseGoingAway:      "going away",
	CloseProtocol:       "protocol error",
	CloseUnsupported:    "unsupported data",
	CloseNoStatus:       "no status",
	CloseAbnormal:       "abnormal",
	CloseInvalidText:    "invalid text",
	ClosePolicy:         "policy violation",
	CloseTooBig:         "message too big",
	CloseExtension:      "extension missing",
	CloseInternal:       "internal error",
	CloseServiceRestart: "service restart",
	CloseTryAgainLater:  "try again later",
	CloseBadGateway:     "bad gateway",
	CloseTLS:            "TLS handshake",
}

// String returns the code with its name, if it has one.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return fmt.Sprintf("%d %s", uint16(c), name)
	}
	return fmt.Sprintf("%d", uint16(c))
}

// CloseError says how a connection ended, or is ending. Every call on a connection that is no
// longer open returns one, and OnClose gets one.
//
// errors.Is(err, net.ErrClosed) holds only where this side called Close or CloseNow and nothing
// went wrong.
type CloseError struct {
	Code   Code   // of the first close frame; 1005 if that had none, 1006 if there was none
	Reason string // of that frame
	Remote bool   // that frame was the peer's
	Err    error  // what made this side close, if it was not a plain Close
}

func (e *CloseError) Error() string {
	s := "spout: closed"
	if e.Remote {
		s += " by peer"
	}
	s += ": " + e.Code.String()
	if e.Reason != "" {
		s += fmt.Sprintf(" %q", e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err, but not one that is a net.ErrClosed itself, of something else.
func (e *CloseError) Unwrap() error {
	if errors.Is(e.Err, net.ErrClosed) {
		return nil
	}
	return e.Err
}

// Is reports whether target is net.ErrClosed and this side closed of its own accord.
func (e *CloseError) Is(target error) bool {
	return target == net.ErrClosed && !e.Remote && e.Err == nil
}

// CloseCode returns the close code that err carries: of a *[CloseError] anywhere in it, 0 if
// there is none.
func CloseCode(err error) Code {
	if e, ok := errors.AsType[*CloseError](err); ok {
		return e.Code
	}
	return 0
}

// What made this side close, where no caller and no peer gave a reason.
var (
	errNoCloseFrame = errors.New("connection ended without a closing handshake")
	errCutMessage   = errors.New("connection ended within a message")
	errPingTimeout  = errors.New("no answer to a ping (Options.PingTimeout)")
	errFrameTimeout = errors.New("frame not completed in time (Options.FrameTimeout)")
	errWriteTimeout = errors.New("peer took no byte (Options.WriteTimeout)")
	errCloseTimeout = errors.New("closing handshake not completed in time (Options.CloseTimeout)")
	errHandlerGone  = errors.New("handler ended its goroutine")
	errSourceGone   = errors.New("source of WriteFrom panicked or ended its goroutine")
)

// Close starts the closing handshake (RFC 6455, section 7.1.2) with a code and a reason of at
// most 123 bytes; code 0 sends a close frame without a code. It never waits: what was queued
// before is still sent, the peer's answer is awaited for at most Options.CloseTimeout, and the
// end of [Conn.Context] tells when the connection is over. No OnMessage begins after Close.
//
// A *UsageError says that the code or the reason may not be sent, a *CloseError that the
// connection was closed already.
func (c *Conn) Close(code Code, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return c.end
	}
	c.closing = true
	c.startClose(code, reason, nil)
	c.dropInbox()
	return nil
}

// CloseNow drops the connection without a closing handshake and without waiting. OnClose still
// follows, when the event under way has returned.
func (c *Conn) CloseNow() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed || c.ended {
		return c.end
	}
	if c.end == nil {
		c.end = &CloseError{Code: CloseAbnormal}
	}
	c.closing = true
	c.dropInbox()
	c.kill()
	return nil
}

// AfterClose has f called when c is closed, once, in a goroutine of its own and before OnClose, which waits
// for it. It is for what belongs to a connection beside its handler: a place in a list, a subscription.
// Several functions are called in the order in which they were given. If c is closed already, f is called
// at once. A panic of f is logged as a handler's is.
func (c *Conn) AfterClose(f func()) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		c.afterClose(f)
		return
	}
	r := c.rarely()
	r.after = append(r.after, f)
	c.mu.Unlock()
}

func (c *Conn) afterClose(f func()) {
	var err error
	defer func() { c.handlerDone(err) }()
	defer recovered(&err)
	f()
}

func checkClose(code Code, reason string) error {
	switch {
	case code == 0 && reason != "":
		return &UsageError{"close", "code 0 sends an empty close frame, which can't have a reason"}
	case code != 0 && !proto.ValidCode(uint16(code)):
		return &UsageError{"close", fmt.Sprintf("code %v may not be sent; 4000 to 4999 are the application's", code)}
	case len(reason) > proto.MaxReason:
		return &UsageError{"close", fmt.Sprintf("reason of %d bytes, over %d", len(reason), proto.MaxReason)}
	case !utf8.ValidString(reason):
		return &UsageError{"close", "reason is not UTF-8"}
	}
	return nil
}

// startClose sets how the connection ends and sends the close frame that says so, behind what is
// queued. c.mu is held, and c.end is nil.
func (c *Conn) startClose(code Code, reason string, cause error) {
	c.end = &CloseError{Code: code, Reason: reason, Err: cause}
	if code == 0 {
		c.end.Code = CloseNoStatus
	}
	c.sendClose(code, reason)
}

// sendClose queues a close frame, without a code for 0 or 1005, and sets the deadline for all
// that remains. c.mu is held.
func (c *Conn) sendClose(code Code, reason string) {
	c.deadline(now() + instant(c.cfg.closeTimeout))
	if code == CloseNoStatus {
		code = 0
	}
	if !c.dead {
		o := c.queue()
		o.refuse(c.end)
		o.addClose(proto.AppendClose(nil, uint16(code), reason))
	}
	c.wakeReader()
	c.uncork()
}

// fail closes the connection because of what the peer or the network did, or a stream that this
// side can't complete: the close frame is sent, but no answer awaited. c.mu is held.
func (c *Conn) fail(code Code, reason string, cause error) {
	if c.end != nil {
		return
	}
	c.failed = true
	c.out.abandonStream()
	c.startClose(code, reason, cause)
	c.stream.interrupt()
}

// lost records that the stream ended or broke. c.mu is held.
func (c *Conn) lost(err error) {
	if c.end == nil {
		c.end = &CloseError{Code: CloseAbnormal, Err: err}
	}
}

// notClosed records why a closing handshake that this side began won't be completed. c.mu is held.
func (c *Conn) notClosed(cause error) {
	if c.end.Err == nil && !c.end.Remote && !c.over {
		end := *c.end
		end.Err = cause
		c.end = &end
	}
}

// peerClosed answers the peer's close frame: "the endpoint typically echos the status code it
// received" (section 5.5.1). c.mu is held.
func (c *Conn) peerClosed(code Code, reason string) {
	if c.end != nil && !c.provisional {
		return
	}
	c.end = &CloseError{Code: code, Reason: reason, Remote: true}
	c.provisional = false
	c.out.abandonStream()
	c.sendClose(code, "")
}

// kill ends the stream at once. c.mu is held.
func (c *Conn) kill() {
	c.killed = true
	c.stopSending()
	c.wakeReader()
	c.stream.abort()
}
