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
)

func main() {
	var (
		rounds   = flag.Int("rounds", 5, "how often each is measured, memory half as often; medians are printed")
		clients  = flag.Int("clients", 64, "clients that echo at the same time")
		messages = flag.Int("messages", 250, "messages of each client that are measured")
		idle     = flag.Int("idle", 10000, "idle connections; 0 leaves out the memory")
		library  = flag.String("serve", "", "be the server process of this library")
		modeName = flag.String("mode", off.name, "what the server process does")
	)
	flag.Parse()
	err := func() error {
		if *library != "" {
			return beServer(*library, *modeName)
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

// beServer is what the process does that the clients connect to.
func beServer(name, modeName string) error {
	for _, l := range libraries {
		for _, m := range l.modes {
			if l.name == name && m.name == modeName {
				return serve(l.echo(m), os.Stdin, os.Stdout)
			}
		}
	}
	return fmt.Errorf("no library %q with mode %q", name, modeName)
}

// echoing prints CPU time and ratio of messages of one size.
func echoing(w load, rounds int) error {
	us, ratios := make(map[mode][][]float64), make(map[mode][][]float64)
	for range rounds {
		for _, m := range modes {
			if us[m] == nil {
				us[m], ratios[m] = make([][]float64, len(libraries)), make([][]float64, len(libraries))
			}
			for i, l := range libraries {
				if !l.can(m) {
					continue
				}
				s, err := measureEcho(l, m, w)
				if err != nil {
					return fmt.Errorf("%s, %s, %d bytes: %w", l.name, m.name, w.size, err)
				}
				us[m][i] = append(us[m][i], s.us)
				ratios[m][i] = append(ratios[m][i], s.ratio)
			}
		}
	}
	printHead(fmt.Sprintf("CPU time of the server in us for a message of %d bytes of JSON (times the least); %d clients, median of %d rounds", w.size, w.clients, rounds))
	for _, m := range modes {
		printRow(m.name, "%.1f", true, us[m])
	}
	printHead(fmt.Sprintf("Messages of %d bytes: how many of their bytes one byte sent by the server stands for", w.size))
	for _, m := range modes {
		printRow(m.name, "%.2f", false, ratios[m])
	}
	return nil
}

// idling prints what idle connections hold.
func idling(n, rounds int) error {
	// One connection of coder holds more than a megabyte when it compresses
	// with context takeover.
	few := min(n, 500)
	held := make(map[mode][][]float64)
	for range rounds {
		for _, m := range modes {
			if held[m] == nil {
				held[m] = make([][]float64, len(libraries))
			}
			for i, l := range libraries {
				if !l.can(m) {
					continue
				}
				count := n
				if l.name == "coder" && (m.send || m.receive) {
					count = few
				}
				bytes, err := measureIdle(l, m, count)
				if err != nil {
					return fmt.Errorf("%s, %s, %d connections: %w", l.name, m.name, count, err)
				}
				held[m][i] = append(held[m][i], bytes)
			}
		}
	}
	printHead(fmt.Sprintf("Resident bytes of the server for an idle connection (times the least), of %d, of coder with takeover %d; median of %d rounds", n, few, rounds))
	for _, m := range modes {
		printRow(m.name, "%.0f", true, held[m])
	}
	printHead("The same, beyond an uncompressed connection of the same library")
	for _, m := range modes[1:] {
		beyond := make([][]float64, len(libraries))
		for i := range libraries {
			if len(held[m][i]) > 0 {
				beyond[i] = []float64{median(held[m][i]) - median(held[off][i])}
			}
		}
		printRow(m.name, "%.0f", false, beyond)
	}
	return nil
}
