//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// What is reckoned with, before anything is measured.
const (
	perConnection = 11 << 10 // bytes of both ends, most of them the kernel's
	perProcess    = 20 << 20 // bytes of an empty process
	spare         = 500      // descriptors of a process that are not for connections
)

// limit is one of the system's.
type limit struct {
	name      string
	has, need int64 // -1 is unknown
	unit      string
}

func (l limit) lacking() bool { return l.has >= 0 && l.has < l.need }

// The ports that a client has for its connections. It chooses them itself: with a range that is half
// taken, the system takes long to find one.
const firstPort, lastPort = 10_000, 65_535

// most is how many connections one server can have: its process has so many descriptors, and its client,
// which has one address, so many ports.
func most() (int, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 0, err
	}
	// Package os has raised what is allowed now to what may be allowed; children may as much.
	if files.Max <= spare {
		return 0, fmt.Errorf("%d descriptors of a process are too few", files.Max)
	}
	return min(int(files.Max)-spare, lastPort-firstPort+1), nil
}

// limits are those that a plan could exceed.
func (p plan) limits() []limit {
	n, processes := int64(p.conns), int64(2*p.servers())
	all := []limit{
		{"descriptors of the system (fs.file-max)", system("fs/file-max"), 2*n + processes*spare/10 + system("fs/file-nr"), ""},
		{"descriptors of a process, at most (fs.nr_open)", system("fs/nr_open"), int64(p.each) + spare, ""},
		{"what epoll may watch (fs.epoll.max_user_watches)", system("fs/epoll/max_user_watches"), 2*n + processes*10, ""},
		{"processes (kernel.pid_max), 20 threads each", system("kernel/pid_max"), processes * 20, ""},
		{"handshakes that wait for a server (net.core.somaxconn)", system("net/core/somaxconn"), dialers, ""},
		{"memory", meminfo("MemAvailable"), n*perConnection + processes*perProcess, "MiB"},
	}
	if tracked := system("net/netfilter/nf_conntrack_count"); tracked > 0 {
		all = append(all, limit{"connections that the firewall tracks (nf_conntrack_max)", system("net/netfilter/nf_conntrack_max"), n + tracked, ""})
	}
	return all
}

// check prints the limits and fails if one is too low.
func (p plan) check(out io.Writer) error {
	lacking := 0
	fmt.Fprintf(out, "%-56s %12s %12s\n", "what the system allows", "there is", "needed")
	for _, l := range p.limits() {
		mark := ""
		if l.lacking() {
			mark = " LACKING"
			lacking++
		}
		fmt.Fprintf(out, "%-56s %12s %12s%s\n", l.name, l.show(l.has), l.show(l.need), mark)
	}
	fmt.Fprintf(out, "%-56s %12s %12s\n", "pages of what is under way in TCP (net.ipv4.tcp_mem)",
		limit{}.show(systemField("net/ipv4/tcp_mem", 2)), "none at rest")
	if lacking > 0 {
		return fmt.Errorf("%d of these are too low for %d connections; -n asks for fewer", lacking, p.conns)
	}
	return nil
}

func (l limit) show(n int64) string {
	switch {
	case n < 0:
		return "unknown"
	case l.unit == "MiB":
		return thousands(n>>20) + " MiB"
	}
	return thousands(n)
}

// thousands writes a number with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// system returns a number of /proc/sys, -1 if it is not there.
func system(name string) int64 { return systemField(name, 0) }

func systemField(name string, field int) int64 {
	text, err := os.ReadFile("/proc/sys/" + name)
	if fields := strings.Fields(string(text)); err == nil && field < len(fields) {
		return number(fields[field])
	}
	return -1
}

func number(s string) int64 {
	n := int64(-1)
	fmt.Sscan(s, &n)
	return n
}
