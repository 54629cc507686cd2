package e2e

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// testNodes has three tabs on three nodes, one of which is killed while the
// others talk: its tab moves to another and says what it has recovered.
func testNodes(t *testing.T, b *browser, spout string) {
	demo := runSpout(t, spout, "demo", "--addr", "127.0.0.1:0", "--nodes", "3")
	urls := []*url.URL{demo.url}
	for len(urls) < 3 {
		if found := printedURL.FindString(demo.line(t)); found != "" {
			u, err := url.Parse(found)
			if err != nil {
				t.Fatal(err)
			}
			urls = append(urls, u)
		}
	}
	names := []string{"Ada", "Grace", "Linus"}
	var tabs []*tab
	for i, u := range urls {
		p := b.tab(t)
		p.wear(look{"laptop", "light"})
		p.open(u.String())
		p.join("lobby", names[i])
		p.wait("being on its node", fmt.Sprintf(`document.querySelector("#chat-status").textContent.endsWith("on node %d")`, i+1))
		tabs = append(tabs, p)
	}
	ada, grace, linus := tabs[0], tabs[1], tabs[2]
	all := []string{"Ada node 1", "Grace node 2", "Linus node 3"}
	for i, p := range tabs {
		p.members(all...)
		p.say("hello from " + names[i])
	}
	for _, p := range tabs {
		for _, name := range names {
			p.heard("[data-type=said]", name, "hello from "+name)
		}
	}

	control := b.tab(t)
	control.wear(look{"laptop", "light"})
	control.open(urls[0].String() + "#live")
	control.do("three nodes", visible(`#live-nodes > li[data-node="3"][data-up=true]`))
	// A long wait, so that something is said that the tab can't hear.
	linus.do("a long wait", chromedp.Evaluate[chromedp.Void](`window.usual = Math.random, Math.random = () => 100, undefined`))
	control.do("killing the third", click(`#live-nodes > li[data-node="3"] button`), visible(`#live-nodes > li[data-node="3"][data-up=false]`))
	control.picture("live-node-killed")
	linus.do("noticing it", visible("#chat-status[data-state=waiting]"))
	ada.say("did you hear this, Linus?")
	grace.heard("[data-type=said]", "Ada", "did you hear this, Linus?")
	grace.say("he will")
	ada.heard("[data-type=said]", "Grace", "he will")
	linus.do("moving on", chromedp.Evaluate[chromedp.Void](`Math.random = window.usual, undefined`), click("#chat-retry-now"),
		visible("#chat-status[data-state=open]"))
	linus.wait("what was recovered", `document.querySelector("#chat-log > li[data-recovered]")?.dataset.recovered === "2"`)
	linus.heard("[data-type=said][data-replayed]", "Ada", "did you hear this, Linus?")
	linus.heard("[data-type=said][data-replayed]", "Grace", "he will")
	linus.wait("being on another node", `/on node [12]$/.test(document.querySelector("#chat-status").textContent)`)
	linus.once("hello from Ada")
	if gaps := eval[int](linus, "gaps", `document.querySelectorAll("#chat-log > [data-gap]").length`); gaps > 0 {
		t.Errorf("%d notes of a gap, where nothing was lost", gaps)
	}
	linus.say("I am back")
	ada.heard("[data-type=said]", "Linus", "I am back")
	for _, p := range tabs {
		p.wait("Linus, once and not on node 3", `[...document.querySelectorAll("#chat-members > li")].filter(li => /^Linus.* node [12]$/.test(li.textContent)).length === 1 &&
			document.querySelectorAll("#chat-members > li").length === 3`)
	}
	linus.picture("chat-node-killed")

	control.do("starting it again", click(`#live-nodes > li[data-node="3"] button`), visible(`#live-nodes > li[data-node="3"][data-up=true]`))
	p := b.tab(t)
	p.open(urls[2].String())
	p.join("lobby", "Ken")
	p.heard("[data-type=said][data-replayed]", "Linus", "I am back")
}
