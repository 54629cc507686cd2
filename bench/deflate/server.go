package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/spoutws/spout/bench/process"
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
			d, err = process.CPUTime()
			n = int64(d)
		case askMemory:
			debug.FreeOSMemory()
			debug.FreeOSMemory() // pools let go of what they hold in the second collection
			n, err = process.ResidentMemory()
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
