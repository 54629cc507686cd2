package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spoutws/spout/internal/conformance"
)

// progress is a line that tells how far spout check has come.
type progress struct {
	w     io.Writer // nil: nobody is looking
	cases int
	total conformance.Total
}

// newProgress draws on w if that is a terminal.
func newProgress(w io.Writer, cases int) *progress {
	if !isTerminal(w) {
		w = nil
	}
	p := &progress{w: w, cases: cases}
	p.draw()
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// add counts a result.
func (p *progress) add(r conformance.Result) {
	p.total.Add(r.Verdict)
	p.draw()
}

func (p *progress) draw() {
	if p.w == nil {
		return
	}
	const width = 30
	done := p.total.Cases()
	filled := width * done / p.cases
	fmt.Fprintf(p.w, "\r[%s%s] %d/%d  %d lenient, %d failed", strings.Repeat("#", filled), strings.Repeat(".", width-filled),
		done, p.cases, p.total.Lenient, p.total.Fail)
}

// clear takes the line away.
func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
