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
)

// quiet is how long connections are left alone before they count as idle: a
// little longer than it takes to replace the goroutine that waits for each.
const quiet = 3 * time.Second

// memoryPerConnection tells by how much the resident memory of a server grows
// for each idle connection over plain TCP. The server is a process of its own.
func memoryPerConnection() (result, error) {
	const warm, measured, limit = 500, 10000, 4096
	exe, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	cmd := exec.Command(exe, "-idle-server")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return result{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	defer func() {
		stdin.Close()
		cmd.Wait()
	}()
	answers := bufio.NewReader(stdout)
	var addr string
	if _, err := fmt.Fscanln(answers, &addr); err != nil {
		return result{}, fmt.Errorf("the server process: %w", err)
	}
	resident := func() (bytes int, err error) {
		fmt.Fprintln(stdin)
		_, err = fmt.Fscanln(answers, &bytes)
		return bytes, err
	}

	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if conns, err = connectMany(addr, warm); err != nil {
		return result{}, err
	}
	if err := echoEach(conns); err != nil {
		return result{}, err
	}
	before, err := resident()
	if err != nil {
		return result{}, err
	}
	more, err := connectMany(addr, measured)
	conns = append(conns, more...)
	if err != nil {
		return result{}, err
	}
	idle, err := resident()
	if err != nil {
		return result{}, err
	}
	if err := echoEach(more); err != nil {
		return result{}, err
	}
	time.Sleep(quiet)
	used, err := resident()
	if err != nil {
		return result{}, err
	}
	fresh, each := (idle-before)/measured, (used-before)/measured
	return within(float64(max(fresh, each)), limit, "%d bytes (at most %d) over plain TCP, %d connections, each has echoed a message and been quiet for %v; %d bytes before",
		each, limit, measured, quiet, fresh)
}

// connectMany opens n connections.
func connectMany(addr string, n int) (conns []net.Conn, err error) {
	for range n {
		c, err := connect(addr)
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

// serveIdle is the server process: it prints its address, and for each line
// that it reads its resident memory in bytes. It ends with its input.
func serveIdle(in io.Reader, out io.Writer) error {
	addr, stop, err := serve()
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
