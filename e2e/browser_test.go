package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/spoutws/spout/internal/testenv"
)

// screenshots is where the pictures of a run are put; git ignores it.
const screenshots = "../out/screenshots"

// TestBrowser drives one headless Chromium through everything that only a
// browser can show.
func TestBrowser(t *testing.T) {
	spout := buildSpout(t)
	demo := runSpout(t, spout, "demo", "--addr", "127.0.0.1:0")
	// The seed's program connects to localhost:8888. The browser is told where
	// that is, so that the port need not be free on this machine.
	b := startBrowser(t, "MAP localhost:8888 "+demo.url.Host)

	t.Run("seed's own JavaScript", func(t *testing.T) { testSeedScript(t, b) })
	t.Run("echo", func(t *testing.T) { testEcho(t, b, demo) })
	t.Run("chat", func(t *testing.T) { testChat(t, b, demo) })
	t.Run("recovery", func(t *testing.T) { testRecovery(t, b, demo) })
	t.Run("live", func(t *testing.T) { testLive(t, b, spout) })
	t.Run("live with a token", func(t *testing.T) { testLiveToken(t, b, spout) })
	t.Run("nodes", func(t *testing.T) { testNodes(t, b, spout) })
	t.Run("keyboard alone", func(t *testing.T) { testKeyboard(t, b, demo) })
	t.Run("server restart", func(t *testing.T) { testRestart(t, b, spout) })
	t.Run("compression", func(t *testing.T) { testCompression(t, b) })
	t.Run("wrong origin", func(t *testing.T) { testOrigin(t, b, spout) })
	t.Run("self-signed certificate", func(t *testing.T) { testSelfSigned(t, b, spout, demo) })
	t.Run("behind a balancer", func(t *testing.T) { testBalanced(t, b, spout) })
	t.Run("appearance", func(t *testing.T) { testAppearance(t, b, demo) })
	t.Run("report of spout check", func(t *testing.T) { testReport(t, b, spout) })
}

// browser is a running Chromium.
type browser struct{ ctx context.Context }

// startBrowser starts a Chromium with a fresh profile that asks nothing of the
// network. No flag touches certificates or origins; hosts says where hosts are.
func startBrowser(t *testing.T, hosts string) *browser {
	t.Helper()
	said := new(transcript)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testenv.Need(t, "chromium")),
		chromedp.NoSandbox, // Chromium refuses to run as root otherwise
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", hosts),
		chromedp.CombinedOutput(said),
	)
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		free()
		if t.Failed() {
			t.Logf("Chromium said:\n%s", said)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v\n%s", err, said)
	}
	return &browser{ctx}
}

// tab is a page of the browser, seen by one test.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	console    []string
	exceptions []string
}

// tab opens a tab in a profile of its own: nothing is shared with the tabs of
// other tests. An exception that the page does not catch fails the test.
func (b *browser) tab(t *testing.T) *tab {
	t.Helper()
	return newTab(t, b.ctx, chromedp.WithNewBrowserContext())
}

// beside opens another tab in the same profile.
func (p *tab) beside() *tab {
	p.t.Helper()
	return newTab(p.t, p.ctx)
}

func newTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	p := &tab{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.console = append(p.console, m.String())
			if m.IsException() {
				p.exceptions = append(p.exceptions, m.String())
			}
			p.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			p.explain()
		}
		cancel()
		reading.Wait()
		for _, e := range p.exceptions {
			t.Errorf("the page threw: %s", e)
		}
	})
	return p
}

// open loads a page.
func (p *tab) open(url string) {
	p.t.Helper()
	p.do("opening "+url, chromedp.Navigate(url))
}

// do runs steps in the tab, each within the patience of a test.
func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	for _, step := range steps {
		run(p, what, step)
	}
}

// eval returns the value of a JavaScript expression, of its promise if it is one.
func eval[T any](p *tab, what, expression string) T {
	p.t.Helper()
	return run(p, what, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// wait returns once a JavaScript expression is true in the page.
func (p *tab) wait(what, expression string) {
	p.t.Helper()
	// By a timer: a tab behind others gets no animation frames. Without chromedp.Poll: it loses a
	// page that comes back from the browser's cache of pages left.
	eval[bool](p, what, fmt.Sprintf(`new Promise(resolve => {
		const timer = setInterval(() => {
			if (%s) {
				clearInterval(timer);
				resolve(true);
			}
		}, 20);
	})`, expression))
}

// run runs one action, and ends the test if it fails.
func run[T any](p *tab, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return v
}

// explain shows where a failed test left the page.
func (p *tab) explain() {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location + "\n" + document.body?.innerText`))
	if err != nil {
		p.t.Logf("the page does not answer: %v", err)
		return
	}
	p.mu.Lock()
	p.t.Logf("the page at the end:\n%s\nits console:\n%s", text, strings.Join(p.console, "\n"))
	p.mu.Unlock()
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		p.t.Logf("its picture: %s", save(p.t, "failed-"+p.t.Name(), png))
	}
}

// front brings the tab before others of its window.
func (p *tab) front() {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		p.t.Fatalf("bringing the tab to the front: %v", err)
	}
}

// close closes the tab, as its user would.
func (p *tab) close() {
	p.t.Helper()
	if err := chromedp.Cancel(p.ctx); err != nil {
		p.t.Fatalf("closing the tab: %v", err)
	}
}

// look is a size of screen and a colour scheme.
type look struct {
	device string
	scheme string
}

// looks are the ones that the pages are made for.
var looks = []look{{"laptop", "light"}, {"laptop", "dark"}, {"phone", "light"}, {"phone", "dark"}}

// wear makes the tab look like one on that device.
func (p *tab) wear(l look) {
	p.t.Helper()
	viewport := chromedp.EmulateViewport(1280, 800)
	if l.device == "phone" {
		viewport = chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	p.do("emulating "+l.device, viewport)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	})
	if err != nil {
		p.t.Fatalf("emulating %s colours: %v", l.scheme, err)
	}
}

// picture saves a screenshot of the tab at rest.
func (p *tab) picture(name string) {
	p.t.Helper()
	eval[chromedp.Void](p, "the end of animations", `Promise.all(document.getAnimations().map(a => a.finished))`)
	png := run(p, "screenshot", chromedp.CaptureScreenshot())
	p.t.Logf("%s: %s", name, save(p.t, name, png))
}

// save writes a picture and returns its path.
func save(t *testing.T, name string, png []byte) string {
	if err := os.MkdirAll(screenshots, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(screenshots, fmt.Sprintf("%s.png", strings.NewReplacer("/", "-", " ", "-").Replace(name)))
	if err := os.WriteFile(path, png, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
