package conformance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is that of the server, as Linux shows it in /proc.
type process struct {
	dir         string
	descriptors int // in use when it was found
}

// usage is what a process uses at one moment.
type usage struct {
	memory      int64         // bytes of RAM
	peak        int64         // the most that it ever was, or since resetPeak
	cpu         time.Duration // in all, of user and system
	descriptors int
}

// clockTick is the unit of times in /proc/PID/stat, the same on every system that Go runs on.
const clockTick = time.Second / 100

// findProcess returns the process with a number, if it can be read.
func findProcess(pid int) (*process, error) {
	p := &process{dir: filepath.Join("/proc", strconv.Itoa(pid))}
	now, err := p.read()
	if err != nil {
		return nil, fmt.Errorf("process %d can't be read, which takes Linux and the same user: %w", pid, err)
	}
	p.descriptors = now.descriptors
	return p, nil
}

// read returns what the process uses now.
func (p *process) read() (u usage, err error) {
	status, err := os.ReadFile(filepath.Join(p.dir, "status"))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			u.memory, err = kilobytes(value)
		case "VmHWM":
			u.peak, err = kilobytes(value)
		}
		if err != nil {
			return u, fmt.Errorf("%s/status: %w", p.dir, err)
		}
	}
	if u.cpu, err = p.cpu(); err != nil {
		return u, err
	}
	fds, err := os.ReadDir(filepath.Join(p.dir, "fd"))
	u.descriptors = len(fds)
	return u, err
}

func kilobytes(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "kB")), 10, 64)
	return n * kib, err
}

func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join(p.dir, "stat"))
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses, which may hold anything. utime and stime are the
	// 14th and the 15th.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s/stat has %d fields", p.dir, len(fields))
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s/stat: %w", p.dir, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// resetPeak makes the peak begin anew. Where the system does not allow it, the peak stays that of
// all time, and growth below it remains unseen.
func (p *process) resetPeak() {
	os.WriteFile(filepath.Join(p.dir, "clear_refs"), []byte("5"), 0)
}
