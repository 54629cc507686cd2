package spout

import "net"

// stream is the byte stream under a Conn, and what drives it: a goroutine of its own (netStream), or
// events (socket). One goroutine at a time reads; the holder of the write token writes.
type stream interface {
	// run begins the life of c, of which early has come already; served says that c has had its
	// handler from the start. It does not wait.
	run(c *Conn, early []byte, served bool)
	// resume has a reader that pauses look again. c.mu is held.
	resume(c *Conn)
	// interrupt has a reader that waits for bytes look again.
	interrupt()

	// answer sends the answer to the handshake, before anything else.
	answer(c *Conn, head []byte) error
	// try writes what is taken at once, which is nothing where the stream can't tell.
	try(p []byte) (int, error)
	// writeRest sees to it that the rest of what waits is written. The write token and c.mu are held.
	writeRest(c *Conn)
	// cork bounds how long answers are held back, if a handler may keep others waiting for them. c.mu is held.
	cork(c *Conn)

	// closeWrite tells the peer that nothing follows, and reports whether the stream can do that.
	closeWrite() bool
	// lingerUntil ends takeDown's reading at a time, 0 for none, and reports whether the stream can
	// do that. c.mu is held.
	lingerUntil(c *Conn, by instant) bool
	// takeDown concludes c, after it has read to the end of the stream if c is to linger. The reader
	// calls it.
	takeDown(c *Conn, linger bool)
	// abort ends all reading and writing from any goroutine, without waiting.
	abort()
	// close closes the stream. Nobody reads or writes.
	close()

	setNoDelay(on bool) error
	remoteAddr() net.Addr
}

// noAddr is the address of a stream that has none.
type noAddr struct{}

func (noAddr) Network() string { return "none" }
func (noAddr) String() string  { return "unknown" }
