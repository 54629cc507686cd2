package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spoutws/spout"
)

// quiet is how long connections are left alone before they count as idle: a
// little longer than it takes to replace the goroutine that waits for each, where there is one.
const quiet = 3 * time.Second

// memoryPerConnection tells by how much the resident memory of a server grows
// for each idle connection over plain TCP.
func memoryPerConnection() (result, error) {
	const limit = 400
	i, err := idleConnections()
	if err != nil {
		return result{}, err
	}
	return i.memory("plain TCP", limit)
}

// memoryPerSecureConnection tells the same of connections over TLS, through Server.Listener.
func memoryPerSecureConnection() (result, error) {
	const limit = 9 << 10
	i, err := idleSecureConnections()
	if err != nil {
		return result{}, err
	}
	return i.memory("TLS", limit)
}

func (i idle) memory(over string, limit int) (result, error) {
	each := i.used.Resident / i.conns
	return within(float64(max(each, i.fresh.Resident/i.conns)), float64(limit),
		"%d bytes (at most %d) over %s, %d connections, each has echoed a message and one in two pieces and been quiet for %v; %d bytes before",
		each, limit, over, i.conns, quiet, i.fresh.Resident/i.conns)
}

// goroutinesPerConnection tells by how many goroutines such a server grows.
func goroutinesPerConnection() (result, error) {
	return noGoroutines(idleConnections())
}

// goroutinesPerSecureConnection tells the same of connections over TLS.
func goroutinesPerSecureConnection() (result, error) {
	return noGoroutines(idleSecureConnections())
}

func noGoroutines(i idle, err error) (result, error) {
	if err != nil {
		return result{}, err
	}
	return within(float64(i.used.Goroutines), 0, "%.3f (none at all), %d more for %d connections",
		float64(i.used.Goroutines)/float64(i.conns), i.used.Goroutines, i.conns)
}

// idle is by how much a server has grown for connections that have sent nothing yet, and for the same when
// they have been used and are quiet.
type idle struct {
	conns       int
	fresh, used holding
}

// These measure a server each.
var (
	idleConnections       = sync.OnceValues(func() (idle, error) { return measureIdle(uncompressed) })
	idleSecureConnections = sync.OnceValues(func() (idle, error) { return measureIdle(secure) })
)

// measureIdle measures a server of a kind, which is a process of its own.
func measureIdle(kind string) (i idle, err error) {
	const warm = 500
	i.conns = 10000
	server, err := startIdle(kind)
	if err != nil {
		return i, err
	}
	defer server.stop()
	var conns []net.Conn
	defer func() { closeAll(conns) }()
	if conns, err = server.connectMany("", warm); err != nil {
		return i, err
	}
	if err := errors.Join(echoEach(conns), echoEachSplit(conns)); err != nil {
		return i, err
	}
	before, err := server.holds()
	if err != nil {
		return i, err
	}
	more, err := server.connectMany("", i.conns)
	conns = append(conns, more...)
	if err != nil {
		return i, err
	}
	if i.fresh, err = server.holds(); err != nil {
		return i, err
	}
	if err := errors.Join(echoEach(more), echoEachSplit(more)); err != nil {
		return i, err
	}
	time.Sleep(quiet)
	if i.used, err = server.holds(); err != nil {
		return i, err
	}
	i.fresh.subtract(before)
	i.used.subtract(before)
	return i, nil
}

// idleServer is a server in a process of its own.
type idleServer struct {
	kind    string
	addr    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
}

// secure is a server over TLS. The other kinds are those of compressions.
const secure = "tls"

// startIdle starts this program as a server of a kind.
func startIdle(kind string) (*idleServer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &idleServer{kind: kind, cmd: exec.Command(exe, "-idle-server", kind)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.answers = bufio.NewReader(out)
	if _, err := fmt.Fscanln(s.answers, &s.addr); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server process: %w", err)
	}
	return s, nil
}

// holding is what a process holds.
type holding struct {
	Resident   int // bytes
	Goroutines int
}

func (h *holding) subtract(x holding) {
	h.Resident -= x.Resident
	h.Goroutines -= x.Goroutines
}

// holds returns what the server holds.
func (s *idleServer) holds() (h holding, err error) {
	fmt.Fprintln(s.in)
	_, err = fmt.Fscanln(s.answers, &h.Resident, &h.Goroutines)
	return h, err
}

func (s *idleServer) stop() {
	s.in.Close()
	s.cmd.Wait()
}

// connectMany opens n connections that offer the extensions; also with an error, those it returns are open.
func (s *idleServer) connectMany(extensions string, n int) (conns []net.Conn, err error) {
	to := connect
	if s.kind == secure {
		to = connectSecure
	}
	for range n {
		c, err := to(s.addr, extensions)
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// sample is a message that connections echo.
func sample() []byte {
	const binary = 0x2
	return frame(binary, 16)
}

// echoEach has each connection echo one message.
func echoEach(conns []net.Conn) error {
	for _, c := range conns {
		if err := exchange(c, sample(), 1); err != nil {
			return err
		}
	}
	return nil
}

// echoEachSplit has each connection echo one message whose frame comes in two pieces, long after each other.
func echoEachSplit(conns []net.Conn) error {
	const first = 3 // bytes, half a header
	whole := sample()
	for _, c := range conns {
		if _, err := c.Write(whole[:first]); err != nil {
			return err
		}
	}
	time.Sleep(quiet)
	for _, c := range conns {
		if err := exchangeRest(c, whole, first); err != nil {
			return err
		}
	}
	return nil
}

// serveIdle is the server process, of a kind: it prints its address, and for each line
// that it reads its resident memory in bytes and the number of its goroutines. It ends with its input.
func serveIdle(kind string, in io.Reader, out io.Writer) error {
	addr, stop, err := serve(spout.Options{Compression: compressions[kind]}, kind == secure)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintln(out, addr)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		debug.FreeOSMemory()
		debug.FreeOSMemory() // pools let go of what they hold in the second collection
		bytes, err := residentMemory()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, bytes, runtime.NumGoroutine())
	}
	return nil
}

// residentMemory returns the resident memory of this process.
func residentMemory() (int, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return 0, err
	}
	return resident * os.Getpagesize(), nil
}
