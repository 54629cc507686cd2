package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// join joins a room of the chat.
func (p *tab) join(room, name string) {
	p.t.Helper()
	p.do(name+" joins", click("#tab-chat"), visible("#chat-room"),
		chromedp.SetValue(chromedp.CSS("#chat-room"), room), chromedp.SetValue(chromedp.CSS("#chat-name"), name),
		click("#chat-join"), visible("#chat-status[data-state=open]"))
}

// members waits until the room's members are those.
func (p *tab) members(names ...string) {
	p.t.Helper()
	p.wait("members "+strings.Join(names, ", "), fmt.Sprintf(
		`[...document.querySelectorAll("#chat-members > li")].map(li => li.textContent.replace(" (you)", "")).sort().join() === %s`,
		quote(strings.Join(names, ","))))
}

// heard waits for a line of the chat.
func (p *tab) heard(attributes, name, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s: %s", name, text), fmt.Sprintf(
		`[...document.querySelectorAll(%s)].some(li => (li.querySelector(".name")?.textContent ?? "") === %s && li.querySelector(".text").textContent === %s)`,
		quote("#chat-log > li"+attributes), quote(name), quote(text)))
}

// say says something to the room.
func (p *tab) say(text string) {
	p.t.Helper()
	p.do("saying "+text, keys("#chat-text", text+kb.Enter))
}

// testChat has two tabs of one browser in a room, and a third in another.
func testChat(t *testing.T, b *browser, demo *server) {
	const room = "tea & cake/ü"
	ada := b.tab(t)
	ada.open(demo.url.String())
	ada.join(room, "Ada")
	ada.members("Ada")

	grace := ada.beside()
	grace.open(demo.url.String())
	grace.join(room, "Grace")
	ada.members("Ada", "Grace")
	grace.members("Ada", "Grace")
	ada.heard("[data-type=joined]", "", "Grace joined.")

	linus := ada.beside()
	linus.open(demo.url.String())
	linus.join("another room", "Linus")
	linus.members("Linus")

	ada.say("Hello from Ada, <b>not bold</b>")
	ada.heard("[data-type=said][data-mine]", "Ada", "Hello from Ada, <b>not bold</b>")
	grace.heard("[data-type=said]:not([data-mine])", "Ada", "Hello from Ada, <b>not bold</b>")
	grace.say("Grüße ✓")
	ada.heard("[data-type=said]:not([data-mine])", "Grace", "Grüße ✓")

	linus.say("anybody here?")
	linus.heard("[data-type=said][data-mine]", "Linus", "anybody here?")
	if n := eval[int](linus, "what was heard elsewhere", `document.querySelectorAll("#chat-log > li[data-type=said]").length`); n != 1 {
		t.Errorf("%d things were heard in the other room, want 1", n)
	}

	grace.do("leaving", click("#chat-leave"), visible("#chat-status[data-state=out]"))
	ada.heard("[data-type=left]", "", "Grace left.")
	ada.members("Ada")

	grace.join(room, "Grace")
	ada.members("Ada", "Grace")
	// The browser keeps a page that was left, for the Back button.
	grace.open("about:blank")
	ada.members("Ada")
	// Later, or the page may be gone before it has said that this was evaluated.
	grace.do("going back", chromedp.Evaluate[chromedp.Void](`void setTimeout(() => history.back())`))
	ada.members("Ada", "Grace")
	ada.say("welcome back")
	grace.heard("[data-type=said]:not([data-mine])", "Ada", "welcome back")

	grace.close() // without a word
	ada.members("Ada")
}

// testRecovery loses a connection, and then the whole page: what was said comes
// back, from where the one had been and as the history that the other shows.
func testRecovery(t *testing.T, b *browser, demo *server) {
	p := b.tab(t)
	p.open(demo.url.String())
	p.join("tea", "Ada")
	p.say("before")
	p.heard("[data-type=said][data-mine]:not([data-replayed])", "Ada", "before")

	p.do("losing the connection", click("#chat-drop"))
	p.wait("what was missed", `document.querySelector("#chat-log > li[data-type=note][data-recovered]")?.dataset.recovered === "3"`)
	p.do("being back", visible("#chat-status[data-state=open]"))
	p.heard("[data-type=said][data-server][data-replayed]", "spout", "Ada was dropped and can't hear this (3 of 3).")
	p.say("after")
	p.heard("[data-type=said][data-mine]:not([data-replayed])", "Ada", "after")
	p.once("before")
	p.picture("chat-recovered")

	p.do("reloading", chromedp.Reload())
	p.do("being in the room again", visible("#chat-status[data-state=open]"))
	p.members("Ada")
	for _, text := range []string{"before", "after"} {
		p.heard("[data-type=said][data-mine][data-replayed]", "Ada", text)
		p.once(text)
	}
	if gaps := eval[int](p, "gaps", `document.querySelectorAll("#chat-log > [data-gap]").length`); gaps > 0 {
		t.Errorf("%d notes of a gap, where nothing was lost", gaps)
	}
}

// once demands that a text was heard, and not twice.
func (p *tab) once(text string) {
	p.t.Helper()
	n := eval[int](p, "counting "+text, fmt.Sprintf(`[...document.querySelectorAll("#chat-log > li[data-type=said] .text")].filter(e => e.textContent === %s).length`, quote(text)))
	if n != 1 {
		p.t.Errorf("%q was heard %d times", text, n)
	}
}

// testRestart ends the server under a page that chats: first without warning,
// then in order. Each time the page comes back by itself.
func testRestart(t *testing.T, b *browser, spout string) {
	s := runSpout(t, spout, "demo", "--addr", "127.0.0.1:0")
	p := b.tab(t)
	p.open(s.url.String())
	p.join("lobby", "Ada")

	again := func() *server {
		next := runSpout(t, spout, "demo", "--addr", s.url.Host)
		p.do("coming back", visible("#chat-status[data-state=open]"))
		p.members("Ada")
		return next
	}
	s.kill()
	p.do("noticing the loss", visible("#chat-status[data-state=waiting]"))
	s = again()
	p.say("back again")
	p.heard("[data-type=said][data-mine]", "Ada", "back again")

	if err := s.terminate(); err != nil {
		t.Errorf("SIGTERM ended the server with %v, want exit status 0", err)
	}
	p.heard("[data-type=note]", "", "The server is restarting.") // that is 1012
	p.do("waiting", visible("#chat-status[data-state=waiting]"))
	s = again()
	p.say("and again")
	p.heard("[data-type=said][data-mine]", "Ada", "and again")

	// A page does not try for ever. It is in no room then, until one asks.
	p.do("no wait between attempts", chromedp.Evaluate[chromedp.Void](`Math.random = () => 0, undefined`))
	s.kill()
	p.wait("giving up", `document.querySelector("#chat-status").textContent === "The server can't be reached" && document.querySelector("#chat-retry-in").parentElement.hidden`)
	runSpout(t, spout, "demo", "--addr", s.url.Host)
	p.do("asking", click("#chat-retry-now"), visible("#chat-status[data-state=open]"))
	p.members("Ada")
}
