package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What the tests rely on in the page is listed at the top of its index.html.

// testSeedScript runs the program of Tornado's documentation, unchanged.
func testSeedScript(t *testing.T, b *browser) {
	const script = `var ws = new WebSocket("ws://localhost:8888/websocket");
ws.onopen = function() {
   ws.send("Hello, world");
};
ws.onmessage = function (evt) {
   alert(evt.data);
};`
	p := b.tab(t)
	p.open("http://localhost:8888/")
	alert := run(p, "the seed's program", chromedp.WaitEvent(page.JavascriptDialogOpening, nil,
		chromedp.Evaluate[chromedp.Void](script)))
	if want := "You said: Hello, world"; alert.Message != want || alert.Type != page.DialogTypeAlert {
		t.Errorf("%s %q, want an alert of %q", alert.Type, alert.Message, want)
	}
	if _, err := chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}); err != nil {
		t.Fatal(err)
	}
}

// click clicks what the selector names, once it is visible.
func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)
}

// visible waits until what the selector names is visible.
func visible(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

// keys types into what the selector names.
func keys(selector, typed string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Focus(chromedp.CSS(selector), chromedp.NodeVisible), press(typed))
}

// press types where the focus is. A key that the page handles itself types no
// character, as with a real keyboard.
func press(typed string) chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(typed, func(k *input.DispatchKeyEventParams) {
		if k.Type == input.DispatchKeyEventTypeKeyDown {
			k.Type = input.DispatchKeyEventTypeRawKeyDown
		}
	})
}

// quote makes a JavaScript string of s.
func quote(s string) string {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(q)
}

// row waits for a row of the timeline that has these attributes and whose
// payload begins so.
func (p *tab) row(attributes, payload string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("a row %s with %q", attributes, payload),
		fmt.Sprintf(`[...document.querySelectorAll(%s)].some(li => li.querySelector(".payload").textContent.startsWith(%s))`,
			quote("#timeline > li"+attributes), quote(payload)))
}

func testEcho(t *testing.T, b *browser, demo *server) {
	p := b.tab(t)
	p.open(demo.url.String())
	p.do("connecting to /websocket", visible("#echo-status[data-state=open]"))

	p.do("text", keys("#echo-text", "Grüße, 世界"+kb.Enter))
	p.row(`[data-direction=sent][data-opcode=text][data-size="15"]`, "Grüße, 世界")
	p.row(`[data-direction=received][data-opcode=text][data-size="25"][data-rtt]`, "You said: Grüße, 世界")

	p.do("binary", chromedp.Click(chromedp.CSS("#echo-mode-binary")), keys("#echo-hex", "00 ff 7a"+kb.Enter))
	p.row(`[data-direction=sent][data-opcode=binary][data-size="3"]`, "")
	p.row(`[data-direction=received][data-opcode=binary][data-size="3"][data-rtt]`, "")

	p.do("the verbatim echo", click(`#panel-echo [data-endpoint="/ws/echo"]`), visible("#echo-status[data-state=open]"),
		chromedp.Click(chromedp.CSS("#echo-mode-text")), keys("#echo-text", "as it is"+kb.Enter))
	p.row(`[data-direction=received][data-opcode=text][data-size="8"][data-rtt]`, "as it is")

	// 1 MiB is the limit; a byte more is refused with the code for that.
	send := func(size int) {
		p.do(fmt.Sprintf("%d bytes", size), chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
			`document.querySelector("#echo-text").value = "x".repeat(%d)`, size)), click("#echo-send"))
	}
	send(1 << 20)
	p.row(`[data-direction=received][data-opcode=text][data-size="1048576"][data-rtt]`, "xxx")
	send(1<<20 + 1)
	p.row(`[data-direction=received][data-opcode=close][data-code="1009"]`, "")
	p.do("closed by the server", visible("#echo-status[data-state=closed]"))

	p.do("closing with code and reason", click("#echo-connect"), visible("#echo-status[data-state=open]"),
		chromedp.SetValue(chromedp.CSS("#echo-close-code"), "4000"), keys("#echo-close-reason", "tea is ready ✓"),
		click("#echo-disconnect"), visible("#echo-status[data-state=closed]"))
	p.row(`[data-direction=sent][data-opcode=close][data-code="4000"][data-reason="tea is ready ✓"]`, "")
	p.row(`[data-direction=received][data-opcode=close][data-code="4000"]`, "")

	p.do("a server that closes", click(`#panel-echo [data-endpoint="/ws/close/4000"]`))
	p.wait("its close", `document.querySelectorAll('#timeline > li[data-direction=received][data-opcode=close][data-code="4000"]').length === 2`)

	p.do("the clock", click(`#panel-echo [data-endpoint="/ws/clock"]`))
	p.wait("a tick", `document.querySelector("#timeline > li:last-child").matches("[data-direction=received][data-opcode=text]")`)
}

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

// testKeyboard uses both tabs without a mouse.
func testKeyboard(t *testing.T, b *browser, demo *server) {
	p := b.tab(t)
	p.open(demo.url.String())
	p.do("connecting", visible("#echo-status[data-state=open]"))

	p.tabTo("echo-text")
	p.do("typing", press("by keyboard"+kb.Enter))
	p.row(`[data-direction=received][data-opcode=text]`, "You said: by keyboard")
	p.tabTo("echo-mode-text")
	p.do("typing", press(kb.ArrowRight))
	p.tabTo("echo-hex")
	p.do("typing", press("c0ffee"+kb.Enter))
	p.row(`[data-direction=received][data-opcode=binary][data-size="3"]`, "")
	p.tabTo("echo-disconnect")
	p.do("typing", press(kb.Enter))
	p.do("disconnecting", visible("#echo-status[data-state=closed]"))
	p.tabTo("echo-connect")
	p.do("typing", press(kb.Enter))
	p.do("connecting again", visible("#echo-status[data-state=open]"))

	p.tabTo("tab-echo")
	p.do("typing", press(kb.ArrowRight))
	p.do("the other tab", visible("#panel-chat"))
	p.tabTo("chat-join")
	p.do("typing", press(kb.Enter))
	p.do("joining", visible("#chat-status[data-state=open]"))
	p.tabTo("chat-text")
	p.do("typing", press("no mouse"+kb.Enter))
	p.wait("one's own words", `document.querySelector("#chat-log > li[data-mine] .text")?.textContent === "no mouse"`)
	p.tabTo("chat-leave")
	p.do("typing", press(kb.Enter))
	p.do("leaving", visible("#chat-status[data-state=out]"))
}

// tabTo moves the focus to an element with the tabulator key, and demands that
// one can see where the focus is.
func (p *tab) tabTo(id string) {
	p.t.Helper()
	var passed []string
	for range 60 {
		p.do("the tabulator key", press(kb.Tab))
		at := eval[string](p, "where the focus is", `document.activeElement.id || document.activeElement.className || document.activeElement.tagName`)
		if at == id {
			style := eval[string](p, "the look of the focus", `(e => {
				const label = e.labels?.[0]?.querySelector("span"); // of a radio button that is hidden behind its label
				return [e, e.closest(".joined"), label].filter(Boolean).map(getComputedStyle).some(s => s.outlineStyle !== "none" || s.boxShadow !== "none") ? "seen" : "unseen";
			})(document.activeElement)`)
			if style != "seen" {
				p.t.Errorf("#%s does not show that it has the focus", id)
			}
			return
		}
		passed = append(passed, at)
	}
	p.t.Fatalf("the tabulator key does not reach #%s, only %q", id, passed)
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
	again()
	p.say("and again")
	p.heard("[data-type=said][data-mine]", "Ada", "and again")
}
