package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spoutws/spout"
)

// quiet is how long connections are left alone before they count as idle: a
// little longer than it takes to replace the goroutine that waits for each.
const quiet = 3 * time.Second

// memoryPerConnection tells by how much the resident memory of a server grows
// for each idle connection over plain TCP. The server is a process of its own.
func memoryPerConnection() (result, error) {
	const warm, measured, limit = 500, 10000, 4096
	server, err := startIdle(uncompressed)
	if err != nil {
		return result{}, err
	}
	defer server.stop()
	var conns []net.Conn
	defer func() { closeAll(conns) }()
	if conns, err = connectMany(server.addr, "", warm); err != nil {
		return result{}, err
	}
	if err := echoEach(conns); err != nil {
		return result{}, err
	}
	before, err := server.resident()
	if err != nil {
		return result{}, err
	}
	more, err := connectMany(server.addr, "", measured)
	conns = append(conns, more...)
	if err != nil {
		return result{}, err
	}
	idle, err := server.resident()
	if err != nil {
		return result{}, err
	}
	if err := echoEach(more); err != nil {
		return result{}, err
	}
	time.Sleep(quiet)
	used, err := server.resident()
	if err != nil {
		return result{}, err
	}
	fresh, each := (idle-before)/measured, (used-before)/measured
	return within(float64(max(fresh, each)), limit, "%d bytes (at most %d) over plain TCP, %d connections, each has echoed a message and been quiet for %v; %d bytes before",
		each, limit, measured, quiet, fresh)
}

// idleServer is a server in a process of its own.
type idleServer struct {
	addr    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
}

// startIdle starts this program as a server, with the kind of compression.
func startIdle(kind string) (*idleServer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &idleServer{cmd: exec.Command(exe, "-idle-server", kind)}
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

// resident returns the server's resident memory in bytes.
func (s *idleServer) resident() (bytes int, err error) {
	fmt.Fprintln(s.in)
	_, err = fmt.Fscanln(s.answers, &bytes)
	return bytes, err
}

func (s *idleServer) stop() {
	s.in.Close()
	s.cmd.Wait()
}

// connectMany opens n connections that offer the extensions; also with an error, those it returns are open.
func connectMany(addr, extensions string, n int) (conns []net.Conn, err error) {
	for range n {
		c, err := connect(addr, extensions)
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// echoEach has each connection echo one message.
func echoEach(conns []net.Conn) error {
	const binary = 0x2
	for _, c := range conns {
		if err := exchange(c, frame(binary, 16), 1); err != nil {
			return err
		}
	}
	return nil
}

// serveIdle is the server process, with the kind of compression: it prints its address, and for each line
// that it reads its resident memory in bytes. It ends with its input.
func serveIdle(kind string, in io.Reader, out io.Writer) error {
	addr, stop, err := serve(spout.Options{Compression: compressions[kind]})
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
		fmt.Fprintln(out, bytes)
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
