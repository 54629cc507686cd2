package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spoutws/spout"
)

// The kinds of compression that a server of a figure can have.
const (
	uncompressed = "none"
	oneWay       = "one way"
	bothWays     = "both ways"
)

var compressions = map[string]*spout.Deflate{
	uncompressed: nil,
	oneWay:       {ReceiveWindow: -1},
	bothWays:     {},
}

// memoryOneWay tells what an idle connection holds for referring to messages that it has sent.
func memoryOneWay() (result, error) { return memoryOfTakeover(oneWay, 5<<10) }

// memoryBothWays tells the same of messages that it has sent and received.
func memoryBothWays() (result, error) { return memoryOfTakeover(bothWays, 9<<10) }

func memoryOfTakeover(kind string, limit float64) (result, error) {
	plain, err := heldUncompressed()
	if err != nil {
		return result{}, err
	}
	compressed, err := held(kind)
	if err != nil {
		return result{}, err
	}
	return within(compressed-plain, limit, "%.0f bytes (at most %.0f) beyond the %.0f of an uncompressed connection; %d connections, each has echoed %d messages of %d bytes and been quiet for %v",
		compressed-plain, limit, plain, takeoverConns, takeoverMessages, takeoverSize, quiet)
}

// Windows are full after these messages.
const (
	takeoverConns    = 10000
	takeoverMessages = 8
	takeoverSize     = 1024
)

var heldUncompressed = sync.OnceValues(func() (float64, error) { return held(uncompressed) })

// held returns by how much the resident memory of a server grows for each
// connection with the kind of compression.
func held(kind string) (float64, error) {
	const warm = 500
	server, err := startIdle(kind)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	offer := ""
	if kind != uncompressed {
		offer = "permessage-deflate; client_max_window_bits"
	}
	talk := func(n int) ([]net.Conn, error) {
		conns, err := server.connectMany(offer, n)
		if err != nil {
			return conns, err
		}
		in := bufio.NewReader(nil)
		for _, c := range conns {
			if err := converse(c, in, kind != uncompressed); err != nil {
				return conns, err
			}
		}
		time.Sleep(quiet)
		return conns, nil
	}
	first, err := talk(warm)
	defer closeAll(first)
	if err != nil {
		return 0, err
	}
	before, err := server.holds()
	if err != nil {
		return 0, err
	}
	conns, err := talk(takeoverConns)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	after, err := server.holds()
	return float64(after.Resident-before.Resident) / takeoverConns, err
}

// converse has a connection echo messages, in is what it is read through.
func converse(c net.Conn, in *bufio.Reader, compressed bool) error {
	c.SetDeadline(time.Now().Add(patience))
	in.Reset(c)
	for i := range takeoverMessages {
		if _, err := c.Write(message(byte(i), compressed)); err != nil {
			return err
		}
		if err := skipFrame(in, compressed); err != nil {
			return err
		}
	}
	return nil
}

// message returns a masked frame whose message can be compressed well. If it
// is to be compressed it comes as a stored block and the beginning of the empty
// one that RFC 7692, section 7.2.1 wants at the end: no more than a window needs.
func message(content byte, compressed bool) []byte {
	const final, rsv1, binaryMessage, masked = 0x80, 0x40, 0x02, 0x80
	first := byte(final | binaryMessage)
	payload := bytes.Repeat([]byte{content}, takeoverSize)
	if compressed {
		first |= rsv1
		block := binary.LittleEndian.AppendUint16([]byte{0}, takeoverSize)
		block = binary.LittleEndian.AppendUint16(block, ^uint16(takeoverSize))
		payload = append(append(block, payload...), 0)
	}
	f := binary.BigEndian.AppendUint16([]byte{first, masked | 126}, uint16(len(payload)))
	f = append(f, 0, 0, 0, 0)
	return append(f, payload...)
}

// skipFrame reads a frame, which must be compressed or not as was agreed on.
func skipFrame(in *bufio.Reader, compressed bool) error {
	const rsv1 = 0x40
	head := make([]byte, 2, 4)
	if _, err := io.ReadFull(in, head); err != nil {
		return err
	}
	n := int(head[1])
	if n == 126 {
		head = head[:4]
		if _, err := io.ReadFull(in, head[2:]); err != nil {
			return err
		}
		n = int(binary.BigEndian.Uint16(head[2:]))
	}
	if _, err := in.Discard(n); err != nil {
		return err
	}
	if (head[0]&rsv1 != 0) != compressed {
		return fmt.Errorf("the server's frame begins with % x", head)
	}
	return nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
