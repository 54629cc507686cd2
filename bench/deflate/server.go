package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// What a server process can be asked for, one word a line.
const (
	askCPU    = "cpu"    // user and system time it has used, in nanoseconds
	askMemory = "memory" // resident bytes, after what is unused has been given back
)

// serve is a server process: it prints its address and then answers what it
// is asked. It ends with its input.
func serve(h http.Handler, in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	defer web.Close()
	go web.Serve(ln)
	fmt.Fprintln(out, ln.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var n int64
		switch ask := lines.Text(); ask {
		case askCPU:
			var d time.Duration
			d, err = cpuTime()
			n = int64(d)
		case askMemory:
			debug.FreeOSMemory()
			debug.FreeOSMemory() // pools let go of what they hold in the second collection
			n, err = residentMemory()
		default:
			err = fmt.Errorf("unknown question %q", ask)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(out, n)
	}
	return nil
}

// residentMemory returns the resident memory of this process.
func residentMemory() (int64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return 0, err
	}
	return resident * int64(os.Getpagesize()), nil
}
