//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// meminfo returns a line of /proc/meminfo in bytes, -1 if it is not there.
func meminfo(name string) int64 { return kilobytes("/proc/meminfo", name) }

// kilobytes returns the number behind a name in a file whose lines are "Name: number kB", in bytes.
func kilobytes(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name+":" {
			return number(fields[1]) << 10
		}
	}
	return -1
}

// kernel is what the kernel holds.
type kernel struct {
	slab    int64 // bytes of objects of all kinds
	sockets int64 // of them TCP's, -1 if that is not told
	queued  int64 // pages of what is under way in TCP
}

// sinceOfTCP tells how much of it for each of n connections is TCP's.
func (k kernel) sinceOfTCP(before kernel, n int64) string {
	if k.sockets < 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them of TCP", (k.sockets-before.sockets)/n)
}

func kernelMemory() kernel {
	k := kernel{slab: meminfo("Slab"), sockets: -1, queued: -1}
	if text, err := os.ReadFile("/proc/slabinfo"); err == nil { // which is for root
		for line := range strings.Lines(string(text)) {
			// The name, how many objects are in use, how many there are, and the size of one.
			if f := strings.Fields(line); len(f) > 3 && f[0] == "TCP" {
				k.sockets = number(f[2]) * number(f[3])
			}
		}
	}
	if text, err := os.ReadFile("/proc/net/sockstat"); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "TCP:" && f[len(f)-2] == "mem" {
				k.queued = number(f[len(f)-1])
			}
		}
	}
	return k
}
