package main

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"

	"github.com/spoutws/spout/bench/servers"
)

// charted are the scenarios of the chart.
var charted = []string{"1000x128", "1000x1K", "pipelined", "wss-100x1K", "deflate", "broadcast", "handshake", "idle"}

// Measures of the chart, in pixels.
const (
	panelWidth  = 400
	panelHead   = 34
	barHeight   = 16
	barStep     = 20
	labelWidth  = 88
	valueWidth  = 62
	columns     = 2
	columnSpace = 30
	margin      = 16
)

// bar is a library in a panel.
type bar struct {
	name  string
	value float64
	text  string
	class string
}

// panel is a scenario in the chart.
type panel struct {
	title string
	bars  []bar
}

func newPanel(r *result) panel {
	m := r.scenario.shown[0]
	p := panel{title: fmt.Sprintf("%s (%s)", r.scenario.title(), m)}
	for _, c := range r.cells {
		if !c.measured() {
			continue
		}
		b := bar{name: c.library.Name, value: max(0, c.median(m)), class: "peer"}
		b.text = m.print(b.value)
		switch {
		case servers.Ours(c.library):
			b.class = "spout"
		case !isPeer(c.library):
			b.class = "floor"
		}
		p.bars = append(p.bars, b)
	}
	slices.SortStableFunc(p.bars, func(a, b bar) int { return cmp.Compare(a.value, b.value) })
	return p
}

func (p panel) height() int { return panelHead + barStep*len(p.bars) + margin }

// writeChart draws a bar for each library in some scenarios, as SVG.
func writeChart(w io.Writer, results []*result) {
	var panels []panel
	for _, name := range charted {
		for _, r := range results {
			if r.scenario.name == name {
				panels = append(panels, newPanel(r))
			}
		}
	}
	height := margin
	for row := range slices.Chunk(panels, columns) {
		height += rowHeight(row)
	}
	width := 2*margin + columns*panelWidth + (columns-1)*columnSpace
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-family="sans-serif" font-size="12">
<title>What servers of several libraries need; less is better</title>
<style>
text { fill: #1f2328 }
.title { font-weight: bold }
.spout { fill: #1a7f5a }
.peer { fill: #8c959f }
.floor { fill: #d0d7de }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.spout { fill: #3fb98a }
.floor { fill: #444c56 }
}
</style>
`, width, height, width, height)
	y := margin
	for row := range slices.Chunk(panels, columns) {
		for i, p := range row {
			p.draw(w, margin+i*(panelWidth+columnSpace), y)
		}
		y += rowHeight(row)
	}
	fmt.Fprintln(w, "</svg>")
}

func rowHeight(row []panel) (height int) {
	for _, p := range row {
		height = max(height, p.height())
	}
	return height
}

func (p panel) draw(w io.Writer, x, y int) {
	fmt.Fprintf(w, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", x, y+14, html.EscapeString(p.title))
	most := 0.0
	for _, b := range p.bars {
		most = max(most, b.value)
	}
	for i, b := range p.bars {
		top := y + panelHead - 8 + i*barStep
		length := 1.0
		if most > 0 {
			length = max(length, b.value/most*(panelWidth-labelWidth-valueWidth))
		}
		fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", x+labelWidth-6, top+12, html.EscapeString(b.name))
		fmt.Fprintf(w, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", b.class, x+labelWidth, top, length, barHeight)
		fmt.Fprintf(w, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", float64(x+labelWidth)+length+5, top+12, html.EscapeString(b.text))
	}
}
