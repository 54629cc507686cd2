package e2e

import (
	"encoding/json"
	"fmt"
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
