// Command deflate compares WebSocket servers that compress: the CPU time of
// the server for each message that it echoes, what the messages become on the
// wire, and what an idle connection holds. Servers are processes of their own;
// the client is the same for all and checks what it gets back. It prints Markdown.
//
// Run it at the root of the repository: go run ./bench/deflate
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

func main() {
	var (
		rounds   = flag.Int("rounds", 5, "how often each is measured, memory half as often; medians are printed")
		clients  = flag.Int("clients", 64, "clients that echo at the same time")
		messages = flag.Int("messages", 250, "messages of each client that are measured")
		idle     = flag.Int("idle", 10000, "idle connections; 0 leaves out the memory")
	)
	flag.Parse()
	err := func() error {
		if flag.Arg(0) == serveArgument {
			return servers.RunProcess(os.Stdin, os.Stdout)
		}
		for _, size := range []int{512, 4 << 10} {
			if err := echoing(load{size: size, clients: *clients, warm: 20, measured: *messages}, *rounds); err != nil {
				return err
			}
		}
		if *idle == 0 {
			return nil
		}
		return idling(*idle, (*rounds+1)/2)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deflate:", err)
		os.Exit(1)
	}
}

// echoing prints CPU time and ratio of messages of one size.
func echoing(w load, rounds int) error {
	us, ratios := make(map[wire.Mode][][]float64), make(map[wire.Mode][][]float64)
	for range rounds {
		for _, m := range wire.Modes {
			if us[m] == nil {
				us[m], ratios[m] = make([][]float64, len(libraries)), make([][]float64, len(libraries))
			}
			for i, l := range libraries {
				if !can(l, m) {
					continue
				}
				s, err := measureEcho(l, m, w)
				if err != nil {
					return fmt.Errorf("%s, %s, %d bytes: %w", l.Name, m.Name, w.size, err)
				}
				us[m][i] = append(us[m][i], s.us)
				ratios[m][i] = append(ratios[m][i], s.ratio)
			}
		}
	}
	printHead(fmt.Sprintf("CPU time of the server in us for a message of %d bytes of JSON (times the least); %d clients, median of %d rounds", w.size, w.clients, rounds))
	for _, m := range wire.Modes {
		printRow(m.Name, "%.1f", true, us[m])
	}
	printHead(fmt.Sprintf("Messages of %d bytes: how many of their bytes one byte sent by the server stands for", w.size))
	for _, m := range wire.Modes {
		printRow(m.Name, "%.2f", false, ratios[m])
	}
	return nil
}

// idling prints what idle connections hold.
func idling(n, rounds int) error {
	// One connection of coder holds more than a megabyte when it compresses
	// with context takeover.
	few := min(n, 500)
	held := make(map[wire.Mode][][]float64)
	for range rounds {
		for _, m := range wire.Modes {
			if held[m] == nil {
				held[m] = make([][]float64, len(libraries))
			}
			for i, l := range libraries {
				if !can(l, m) {
					continue
				}
				count := n
				if l.Name == "coder" && (m.Send || m.Receive) {
					count = few
				}
				bytes, err := measureIdle(l, m, count)
				if err != nil {
					return fmt.Errorf("%s, %s, %d connections: %w", l.Name, m.Name, count, err)
				}
				held[m][i] = append(held[m][i], bytes)
			}
		}
	}
	printHead(fmt.Sprintf("Resident bytes of the server for an idle connection (times the least), of %d, of coder with takeover %d; median of %d rounds", n, few, rounds))
	for _, m := range wire.Modes {
		printRow(m.Name, "%.0f", true, held[m])
	}
	printHead("The same, beyond an uncompressed connection of the same library")
	for _, m := range wire.Modes[1:] {
		beyond := make([][]float64, len(libraries))
		for i := range libraries {
			if len(held[m][i]) > 0 {
				beyond[i] = []float64{median(held[m][i]) - median(held[wire.Off][i])}
			}
		}
		printRow(m.Name, "%.0f", false, beyond)
	}
	return nil
}
