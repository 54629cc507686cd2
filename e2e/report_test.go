package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/spoutws/spout"
)

// wrongEcho serves an echo server that answers binary to texts that wrong holds for, and whose
// handshake brings a script along.
func wrongEcho(t *testing.T, wrong func(text string) bool) string {
	t.Helper()
	var srv spout.Server
	echo := srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		if wrong(m.String()) {
			m = spout.Binary(m.Data)
		}
		return c.Send(m)
	})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Hostile", `</pre><script>document.title = "owned"</script><img src=x onerror="document.title = 'owned'">`)
		echo.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		srv.Shutdown(context.Background())
		ts.Close()
	})
	return "ws" + strings.TrimPrefix(ts.URL, "http")
}

// report has spout check a server that breaks rules, after one that broke others, and returns the
// page that compares both.
func report(t *testing.T, spout string) string {
	t.Helper()
	old, page := filepath.Join(t.TempDir(), "old.json"), filepath.Join(t.TempDir(), "report.html")
	cases := "^(handshake|framing|reserved|close)/"
	for _, args := range [][]string{
		{wrongEcho(t, func(text string) bool { return text == "Hello" }), "--run", cases, "--json", old},
		{wrongEcho(t, func(text string) bool { return len(text) > 1000 }), "--run", cases, "--compare", old, "--html", page},
	} {
		out, err := exec.Command(spout, append([]string{"check"}, args...)...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
			t.Fatalf("spout check %q: %v\n%s", args, err, out)
		}
	}
	return "file://" + page
}

// shown is the ids of the cases in sight.
const shown = `[...document.querySelectorAll(".case")].filter(c => c.checkVisibility()).map(c => c.id)`

func testReport(t *testing.T, b *browser, spout string) {
	url := report(t, spout)
	t.Run("what a server sent is inert", func(t *testing.T) {
		p := b.tab(t)
		p.open(url + "#handshake/example")
		p.do("the bytes of a case", visible(`[id="handshake/example"] .wire`))
		if got := eval[string](p, "its text", `document.getElementById("handshake/example").querySelector("[data-direction=received] pre").textContent`); !strings.Contains(got, `</pre><script>document.title = "owned"</script><img src=x`) {
			t.Errorf("the answer is shown as %s", got)
		}
		if got := eval[string](p, "what a script would do", `document.title + ": " + document.scripts.length + " " + document.images.length`); strings.Contains(got, "owned") || !strings.HasSuffix(got, ": 1 0") {
			t.Errorf("title, scripts and images: %s", got)
		}
		if got := eval[int](p, "what was fetched", `performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length`); got != 0 {
			t.Errorf("the page fetched %d things", got)
		}
	})

	t.Run("filters", func(t *testing.T) {
		p := b.tab(t)
		p.open(url)
		all := len(eval[[]string](p, "all cases", shown))
		only := func(what, condition string) {
			t.Helper()
			ids := eval[[]string](p, what, shown)
			wrong := eval[int](p, what, fmt.Sprintf(`[...document.querySelectorAll(".case")].filter(c => c.checkVisibility() !== (%s)).length`, condition))
			if wrong != 0 || len(ids) == 0 || len(ids) == all {
				t.Errorf("%s: %d of %d cases are shown; of %d the opposite was expected", what, len(ids), all, wrong)
			}
			if got, want := eval[string](p, "the count", `document.getElementById("count").textContent`), fmt.Sprintf("%d of %d cases", len(ids), all); got != want {
				t.Errorf("%s: the count is %q, want %q", what, got, want)
			}
		}
		p.do("no passes", chromedp.Click(chromedp.CSS("[name=verdict][value=pass] + span")))
		only("without passes", `c.dataset.verdict !== "pass"`)
		p.do("passes again", chromedp.Click(chromedp.CSS("[name=verdict][value=pass] + span")))
		p.do("a family", pick("#family", "reserved"))
		only("one family", `c.id.startsWith("reserved/")`)
		p.do("all families", pick("#family", ""))
		p.do("a change", pick("#change", "fixed"))
		only("fixed", `c.dataset.change === "fixed"`)
		p.do("all changes", pick("#change", ""))
		p.do("a search", keys("#search", "BINARY framing/"))
		only("searched", `["binary", "framing/"].every(w => (c.querySelector("summary").textContent + c.querySelector(".why").textContent).toLowerCase().includes(w))`)
		p.do("a search in vain", keys("#search", " nothing has this"), visible("#none"))
		p.do("a link to what is not shown", click(`#compared a[href="#framing%2fexample"]`), visible(`[id="framing/example"] .wire`))
		if got := len(eval[[]string](p, "all cases again", shown)); got != all {
			t.Errorf("%d of %d cases are shown", got, all)
		}
	})

	t.Run("two runs compared", func(t *testing.T) {
		p := b.tab(t)
		p.open(url)
		for change, want := range map[string]string{"fixed": "fail→topass", "broken": "pass→tofail"} {
			got := eval[[]string](p, change, fmt.Sprintf(`[...document.querySelectorAll("#compared li[data-change=%s] .verdicts")].map(v => v.textContent.replace(/[^a-z→]/g, ""))`, change))
			if len(got) == 0 {
				t.Errorf("nothing is %s", change)
			}
			for _, verdicts := range got {
				if verdicts != want {
					t.Errorf("%s: %s, want %s", change, verdicts, want)
				}
			}
		}
	})

	t.Run("keyboard alone", func(t *testing.T) {
		p := b.tab(t)
		p.open(url)
		focus := func(what, condition string) {
			t.Helper()
			if !eval[bool](p, what, `(e => `+condition+`)(document.activeElement)`) {
				t.Errorf("%s: the focus is on %s", what, eval[string](p, "the focus", `document.activeElement.outerHTML.slice(0, 200)`))
			}
		}
		p.do("to the search", chromedp.Focus(chromedp.CSS("#search")), press("unmasked"+kb.Tab+kb.Tab+kb.Tab))
		focus("after the lists", `e.name === "verdict" && e.value === "pass"`)
		p.do("no passes, and passes again", press(" "))
		if n := len(eval[[]string](p, "no unmasked case fails", shown)); n != 0 {
			t.Errorf("%d cases are shown", n)
		}
		p.do("passes again", press(" "))
		verdicts := eval[int](p, "the verdicts", `document.querySelectorAll("[name=verdict]").length`)
		p.do("to the cases", press(strings.Repeat(kb.Tab, verdicts)))
		focus("the first case", `e.matches("summary") && e === [...document.querySelectorAll(".case summary")].find(s => s.checkVisibility())`)
		p.do("the second", press(kb.ArrowDown+kb.Enter))
		p.wait("its bytes", `document.activeElement.parentElement.open && document.activeElement.parentElement.querySelector(".wire").checkVisibility()`)
		if got, want := eval[string](p, "the focus", `document.activeElement.closest(".case").id`), eval[[]string](p, "the cases", shown)[1]; got != want {
			t.Errorf("Enter opened %s, want %s", got, want)
		}
		p.do("back up, closed", press(kb.Enter+kb.ArrowUp))
		p.wait("closed", `!document.querySelector(".case details[open]")`)
	})

	t.Run("without JavaScript", func(t *testing.T) {
		p := b.tab(t)
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
			t.Fatal(err)
		}
		p.open(url)
		const first = `[id="framing/example"]`
		p.do("opening a case", click(first+" summary"), visible(first+" .wire"))
		if eval[bool](p, "the filters", `document.getElementById("filters").checkVisibility()`) {
			t.Error("there are filters, which can't work")
		}
	})

	t.Run("appearance", func(t *testing.T) {
		p := b.tab(t)
		for _, l := range looks {
			p.wear(l)
			p.open(url)
			p.picture(fmt.Sprintf("report-%s-%s", l.device, l.scheme))
			p.open(url + "#framing/text-65535")
			p.do("a failure", visible(`[id="framing/text-65535"] .wire`))
			p.picture(fmt.Sprintf("report-case-%s-%s", l.device, l.scheme))
			if over := eval[int](p, "the page's width", `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("the report on a %s is %d px wider than the screen", l.device, over)
			}
		}
	})
}

// pick chooses an option of a select.
func pick(selector, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(s => { s.value = %s; s.dispatchEvent(new Event("input", {bubbles: true})); })(document.querySelector(%s))`,
		quote(value), quote(selector)))
}
