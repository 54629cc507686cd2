package main

import (
	"io"
	"io/fs"
	"net/http"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// get fetches a path of a server, following no redirect.
func (s *testServer) get(path string) (*http.Response, string) {
	s.t.Helper()
	client := http.Client{Transport: s.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(strings.TrimSuffix(s.url(), "/") + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

func TestPageFiles(t *testing.T) {
	s := startServer(t, config{})
	entries, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/", "/ws/", "/spout-room.js"}
	for _, entry := range entries {
		paths = append(paths, "/"+entry.Name(), "/ws/"+entry.Name())
	}
	types := map[string]string{
		"": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".mjs": "text/javascript; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	}
	for _, p := range paths {
		resp, body := s.get(p)
		if resp.StatusCode != http.StatusOK || body == "" {
			t.Errorf("%s: %s, %d bytes", p, resp.Status, len(body))
		}
		if got, want := resp.Header.Get("Content-Type"), types[path.Ext(p)]; got != want {
			t.Errorf("%s: Content-Type %q, want %q", p, got, want)
		}
		if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q, want nosniff", p, got)
		}
		policy := strings.Split(resp.Header.Get("Content-Security-Policy"), "; ")
		for _, want := range []string{"default-src 'self'", "connect-src 'self' ws: wss:", "frame-ancestors 'none'"} {
			if !slices.Contains(policy, want) {
				t.Errorf("%s: Content-Security-Policy %q lacks %q", p, policy, want)
			}
		}
	}
	for _, p := range []string{"/nothing", "/ws/nothing", "/page/index.html", "/ws/../main.go"} {
		if resp, _ := s.get(p); resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %s, want none", p, resp.Status)
		}
	}
}

// TestPageIsSelfContained looks for what the policy of the page would block: other servers, and style or script in the HTML.
func TestPageIsSelfContained(t *testing.T) {
	entries, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := regexp.MustCompile(`(?:https?:)?//[a-z0-9][a-z0-9.-]*\.[a-z]{2,}`)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script[^>]*>[^<]|javascript:`)
	for _, entry := range entries {
		content, err := fs.ReadFile(pageFiles, "page/"+entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range elsewhere.FindAllString(string(content), -1) {
			// The name space of SVG, and where the charts are from.
			if found != "http://www.w3.org" && !(strings.HasPrefix(entry.Name(), "uPlot.") && found == "https://github.com") {
				t.Errorf("%s refers to %s", entry.Name(), found)
			}
		}
		if path.Ext(entry.Name()) == ".html" {
			if found := inline.FindString(string(content)); found != "" {
				t.Errorf("%s has %q", entry.Name(), found)
			}
		}
	}
}

// TestPageNames holds the list of names at the top of index.html, and the ids that the scripts use, against the elements.
func TestPageNames(t *testing.T) {
	html, err := fs.ReadFile(pageFiles, "page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	list, elements, ok := strings.Cut(string(html), "-->")
	if !ok {
		t.Fatal("index.html has no list of names")
	}
	ids := map[string]bool{}
	for _, match := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(elements, -1) {
		if ids[match[1]] {
			t.Errorf("two elements have the id %s", match[1])
		}
		ids[match[1]] = true
	}
	used := regexp.MustCompile(`#([a-z]+-[a-z-]+|timeline)\b`).FindAllStringSubmatch(list, -1)
	scripts, err := fs.Glob(pageFiles, "page/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		content, err := fs.ReadFile(pageFiles, script)
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, regexp.MustCompile(`(?:\$|getElementById)\("([^"]+[^-"])"\)`).FindAllStringSubmatch(string(content), -1)...)
	}
	used = append(used, regexp.MustCompile(`\s(?:for|list|aria-controls|aria-labelledby|aria-describedby)="([^"]+)"`).FindAllStringSubmatch(elements, -1)...)
	if len(used) < 80 {
		t.Errorf("only %d uses of names were found", len(used))
	}
	for _, match := range used {
		if !ids[match[1]] {
			t.Errorf("no element has the id %s", match[1])
		}
	}
}

func TestPageSaysWhatTheServerIs(t *testing.T) {
	plain := startServer(t, config{maxMessage: 12345})
	if _, body := plain.get("/"); !strings.Contains(body, `data-tls="" data-limit="12345" data-ports="" data-live="" data-bots="0"`) {
		t.Error("the page of a plain server lacks its attributes")
	}
	if _, body := plain.get("/"); strings.Contains(body, "uPlot") || strings.Contains(body, "panel-live") {
		t.Error("the page of a server without one has a Live page")
	}
	several := startServer(t, config{node: "2", ports: []string{"1", "2"}, demo: &demo{token: "s3cret", bots: 7}})
	if _, body := several.get("/"); !strings.Contains(body, `data-ports="1 2" data-live="token" data-bots="7"`) || strings.Contains(body, "s3cret") {
		t.Error("the page of one node of several lacks its attributes, or has the token")
	}
	secure := startServer(t, config{selfSigned: true})
	if _, body := secure.get("/"); !strings.Contains(body, `data-tls="self-signed" data-limit="1048576"`) {
		t.Error("the page of a self-signed server lacks its attributes")
	}
}

// TestPageLogic runs the tests of the page's scripts that need no browser.
func TestPageLogic(t *testing.T) {
	node := testenv.Need(t, "node")
	if out, err := exec.Command(node, "--test", "testdata/page.test.mjs").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
