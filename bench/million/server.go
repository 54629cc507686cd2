//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/bench/process"
	"github.com/spoutws/spout/bench/wire"
)

// What a server can be asked.
const (
	askServe = "serve" // an order
	askUsage = "usage"
)

type order struct {
	IP   netip.Addr
	Ping time.Duration
}

// usage is what a server holds and has used.
type usage struct {
	Conns      int
	Answered   int   // of them have answered a ping
	Resident   int64 // bytes
	Private    int64 // of them no other process shares
	Goroutines int
	CPU        time.Duration
}

// add sums up.
func (u *usage) add(v usage) {
	u.Conns += v.Conns
	u.Answered += v.Answered
	u.Resident += v.Resident
	u.Private += v.Private
	u.Goroutines += v.Goroutines
	u.CPU += v.CPU
}

// runServer is a server's process. It ends with its input.
func runServer(in io.Reader, out io.Writer) error {
	var srv spout.Server
	web := http.Server{
		Handler:           srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }),
		ReadHeaderTimeout: wire.Patience,
	}
	defer web.Close()
	return process.Answer(in, out, func(name string, argument json.RawMessage) (any, error) {
		switch name {
		case askServe:
			var o order
			if err := json.Unmarshal(argument, &o); err != nil {
				return nil, err
			}
			srv.Options.PingInterval = o.Ping
			ln, err := net.Listen("tcp", netip.AddrPortFrom(o.IP, 0).String())
			if err != nil {
				return nil, err
			}
			go web.Serve(ln)
			return ln.Addr().(*net.TCPAddr).AddrPort(), nil
		case askUsage:
			return measure(&srv)
		}
		return nil, fmt.Errorf("unknown question %q", name)
	})
}

func measure(srv *spout.Server) (u usage, err error) {
	u.CPU, err = process.CPUTime()
	if err != nil {
		return u, err
	}
	for c := range srv.Conns() {
		u.Conns++
		if c.RTT() > 0 {
			u.Answered++
		}
	}
	debug.FreeOSMemory()
	debug.FreeOSMemory() // pools let go of what they hold in the second collection
	const smaps = "/proc/self/smaps_rollup"
	u.Resident = kilobytes(smaps, "Rss")
	u.Private = kilobytes(smaps, "Private_Clean") + kilobytes(smaps, "Private_Dirty")
	u.Goroutines = runtime.NumGoroutine()
	return u, nil
}
