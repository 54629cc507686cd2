package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testAppearance saves pictures of every part of the page, as it looks on a
// laptop and on a phone, light and dark, and checks what can be checked of them.
func testAppearance(t *testing.T, b *browser, demo *server) {
	p := b.tab(t)
	p.open(demo.url.String())
	p.do("the echo page in use", visible("#echo-status[data-state=open]"))
	for i, text := range []string{"Hello, world", "Grüße, Ωμέγα ✓", `{"json": [1, 2, 3]}`} {
		p.do("text", keys("#echo-text", text+kb.Enter))
		p.wait("its answer", fmt.Sprintf(`document.querySelectorAll("#timeline > li[data-direction=received][data-opcode=text]").length === %d`, i+1))
	}
	p.do("binary", chromedp.Click(chromedp.CSS("#echo-mode-binary")), keys("#echo-hex", "00 ff 7a c0 ff ee"+kb.Enter))
	p.row("[data-direction=received][data-opcode=binary]", "")
	p.do("an opened row", click("#timeline > li:last-child summary"), visible("#timeline > li:last-child .detail"))

	p.join("lobby", "Ada")
	other := p.beside()
	other.open(demo.url.String())
	other.join("lobby", "Grace")
	for i, line := range []string{"Anybody here?", "Yes: another tab of the same browser.", "A longer line, which has to be broken on a phone and should still read well next to the short ones."} {
		speaker := []*tab{p, other}[i%2]
		speaker.say(line)
		p.heard("[data-type=said]", []string{"Ada", "Grace"}[i%2], line)
	}

	for _, part := range []string{"echo", "chat", "server"} {
		for _, l := range looks {
			p.wear(l)
			p.do(part, click("#tab-"+part), visible("#panel-"+part))
			p.picture(fmt.Sprintf("%s-%s-%s", part, l.device, l.scheme))
			if over := eval[int](p, "the page's width", `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s on a %s is %d px wider than the screen", part, l.device, over)
			}
			const brightness = `(rgb => rgb.slice(0, 3).reduce((sum, c) => sum + Number(c), 0) / 3)(getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g))`
			if bright := eval[float64](p, "the background", brightness); (bright > 128) != (l.scheme == "light") {
				t.Errorf("%s: the background of the %s page has brightness %.0f of 255", part, l.scheme, bright)
			}
		}
	}
}
