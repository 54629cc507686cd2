package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testLive has bots move the charts, closes a connection from the table, and
// looks at the page in every dress.
func testLive(t *testing.T, b *browser, spout string) {
	demo := runSpout(t, spout, "demo", "--addr", "127.0.0.1:0", "--load", "40")
	chat := b.tab(t)
	chat.open(demo.url.String())
	chat.join("lobby", "Ada")
	chat.say("hello")
	chat.heard("[data-mine]", "Ada", "hello")

	p := b.tab(t)
	p.open(demo.url.String() + "#live")
	p.do("being let in", visible("#live-status[data-state=open]"))
	p.wait("six charts", `document.querySelectorAll("#live-charts > figure canvas").length === 6`)
	for _, key := range []string{"connections", "received", "heard", "p50", "p99", "queued", "heap"} {
		// Two of ours and the bots are there; the rest comes to be above 0 sooner or later.
		p.wait("a value of "+key, fmt.Sprintf(`/[1-9]/.test(document.querySelector('#live-charts .now [data-key="%s"]').textContent)`, key))
	}

	const row = `[...document.querySelectorAll("#live-connections > tr")].find(tr => tr.cells[0].textContent === "/ws/chat/lobby")`
	p.wait("the chat's row, with its round trip", `/ ms$/.test((`+row+`)?.cells[3].textContent)`)
	for _, l := range looks {
		p.wear(l)
		p.wait("charts of that width", `[...document.querySelectorAll("#live-charts > figure")].every(f => f.querySelector("canvas").offsetWidth <= f.clientWidth)`)
		p.picture(fmt.Sprintf("live-%s-%s", l.device, l.scheme))
		if over := eval[int](p, "the page's width", `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("the Live page on a %s is %d px wider than the screen", l.device, over)
		}
	}

	p.do("looking further down", chromedp.Evaluate[chromedp.Void](`document.getElementById("live-connections-title").scrollIntoView()`))
	p.picture("live-phone-connections")

	id := eval[string](p, "the chat's connection", row+`.dataset.id`)
	p.tabTo("live-body")
	p.wear(looks[0])
	for at := ""; at != id; { // by keyboard
		p.do("the tabulator key", press(kb.Tab))
		at = eval[string](p, "the row of the focus", `document.activeElement.closest("tr")?.dataset.id ?? ""`)
	}
	p.do("closing it", press(kb.Enter))
	p.wait("its row gone", fmt.Sprintf(`document.querySelector('#live-connections > tr[data-id="%s"]') === null`, id))
	chat.heard("[data-type=note]", "", "The connection was lost (1001 closed on the Live page).")
	chat.do("coming back", visible("#chat-status[data-state=open]"))

	p.do("leaving the page", click("#tab-echo"))
	chat.do("watching instead", click("#tab-live"), visible("#live-status[data-state=open]"))
	// What was measured before somebody looked is there.
	chat.wait("its past", `document.querySelector('#live-charts .now [data-key="connections"]').textContent.length > 0`)
}

// testLiveToken has to show a token before anything is shown.
func testLiveToken(t *testing.T, b *browser, spout string) {
	demo := runSpout(t, spout, "demo", "--addr", "127.0.0.1:0", "--token", "s3cret")
	p := b.tab(t)
	p.open(demo.url.String() + "#live")
	p.do("a wrong token", keys("#live-token", "secret"+kb.Enter))
	p.wait("the refusal", `document.querySelector("#live-status").textContent.startsWith("This is not the server's token") && !document.querySelector("#live-entry").hidden`)
	p.picture("live-token")
	p.do("the token", keys("#live-token", "s3cret"+kb.Enter), visible("#live-status[data-state=open]"))
	p.do("reloading", chromedp.Reload(), visible("#live-status[data-state=open]"))
}
