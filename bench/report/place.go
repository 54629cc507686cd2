// Package report is what reports of measurements have in common: where and how something was measured, and how figures
// are printed.
package report

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Place is where and how something was measured.
type Place struct {
	Date    string
	Machine string
	Go      string
	Spout   string // its revision
	Command string
	Took    string
	Before  string // load average
	After   string

	began time.Time
}

// Here describes this machine, and a run of this program, which has this name in module bench, that begins now.
func Here(name string) Place {
	p := Place{
		Date:    time.Now().UTC().Format("2006-01-02"),
		Go:      runtime.Version(),
		Spout:   "?",
		Command: strings.Join(append([]string{"go run ./bench/" + name}, os.Args[1:]...), " "),
		Before:  loadAverage(),
		began:   time.Now(),
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output(); err == nil {
		p.Spout = strings.TrimSpace(string(out))
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	p.Machine = fmt.Sprintf("%s, %d CPUs, %s/%s, Linux %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)))
	return p
}

// End notes that the run ends now.
func (p *Place) End() {
	p.Took, p.After = time.Since(p.began).Round(time.Second).String(), loadAverage()
}

// Write writes a table in Markdown.
func (p *Place) Write(w io.Writer) {
	fmt.Fprintf(w, "| | |\n|---|---|\n| date | %s |\n| machine | %s |\n| Go | %s |\n| spout | %s |\n| command | `%s` |\n| took | %s |\n| load average | %s before, %s after |\n",
		p.Date, p.Machine, p.Go, p.Spout, p.Command, p.Took, p.Before, p.After)
}

// field returns the first value of a name in a file of lines "name: value".
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverage returns how many processes have wanted to run during the last minute.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// WriteFile writes a file in the directory of the module bench.
func WriteFile(name string, content []byte) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/spoutws/spout/bench").Output()
	if err != nil {
		return fmt.Errorf("looking for the module bench: %w", err)
	}
	return os.WriteFile(filepath.Join(strings.TrimSpace(string(out)), name), content, 0o644)
}
