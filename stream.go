package spout

import "net"

// stream is the byte stream under a Conn, and what drives it: a goroutine of its own (netStream), or
// events (socket). One goroutine at a time reads; the holder of the write token writes.
type stream interface {
	// run begins the life of the connection, of which early has come already; served says that it has
	// had its handler from the start. It does not wait.
	run(early []byte, served bool)
	// resume has a reader that pauses look again. Conn.mu is held.
	resume()
	// pull reads a piece of the message under way straight into p, if that can be done now, and returns
	// its length. The goroutine that streams the message calls it. Conn.mu is held, but not meanwhile.
	pull(p []byte) int
	// readOn has a reader go on that has left a message to the goroutine that streamed it. Conn.mu is held.
	readOn()
	// interrupt has a reader that waits for bytes look again.
	interrupt()

	// answer sends the answer to the handshake, before anything else.
	answer(head []byte) error
	// try writes what is taken at once, which is nothing where the stream can't tell.
	try(p []byte) (int, error)
	// tryBoth is try for what stands in two places.
	tryBoth(head, body []byte) (int, error)
	// writeRest sees to it that the rest of what waits is written. The write token and Conn.mu are
	// held.
	writeRest()
	// cork bounds how long answers are held back, if nothing else does. Conn.mu is held.
	cork()
	// tick looks at the deadlines that are the stream's own. Conn.mu is held.
	tick(t instant)

	// closeWrite tells the peer that nothing follows, and reports whether the stream can do that.
	closeWrite() bool
	// lingerUntil ends takeDown's reading at a time, 0 for none, and reports whether the stream can
	// do that. Conn.mu is held.
	lingerUntil(by instant) bool
	// takeDown concludes the connection, after it has read to the end of the stream if that is to
	// linger. The reader calls it.
	takeDown(linger bool)
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
