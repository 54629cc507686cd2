package route_test

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spoutws/spout/route"
)

// get reads target as a server does and returns the status and the path values that names name.
func get(t testing.TB, h http.Handler, target string, names ...string) (status int, values map[string]string) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
	if err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	values = map[string]string{}
	for _, name := range names {
		values[name] = r.PathValue(name)
	}
	return w.Code, values
}

func ok(http.ResponseWriter, *http.Request) {}

func TestMatch(t *testing.T) {
	type values = map[string]string
	tests := []struct {
		name, pattern, target string
		want                  values // nil: no match
	}{
		{"no group", `/websocket`, "/websocket", values{"1": ""}},
		{"a query does not count", `/websocket`, "/websocket?a=b", values{}},
		{"a group by number", `/rooms/(\w+)`, "/rooms/tea", values{"1": "tea", "2": ""}},
		{"groups by number", `/(\w+)/(\d+)`, "/a/12", values{"1": "a", "2": "12"}},
		{"groups by name and number", `/(?<room>\w+)/(\d+)/(?P<user>\w+)`, "/a/1/b", values{"1": "a", "room": "a", "2": "1", "3": "b", "user": "b"}},
		{"a group in a group", `/((\w)\w*)`, "/abc", values{"1": "abc", "2": "a"}},
		{"a group that took no part", `/a(/\w+)?`, "/a", values{"1": ""}},
		{"a group that is not captured", `/(?:a|b)/(c)`, "/b/c", values{"1": "c"}},

		// The whole path.
		{"something before", `/b`, "/a/b", nil},
		{"something after", `/a`, "/a/b", nil},
		{"a slash after", `/a`, "/a/", nil},
		{"a slash before", `/a`, "//a", nil},
		{"own anchors", `^/a$`, "/a", values{}},
		{"own anchors, something after", `^/a$`, "/ab", nil},
		{"the first of two", `/a|/b`, "/a", values{}},
		{"the second of two", `/a|/b`, "/b", values{}},
		{"the first of two, something after", `/a|/b`, "/ab", nil},
		{"the second of two, something before", `/a|/b`, "/x/b", nil},
		{"the longer of two", `/a|/ab`, "/ab", values{}},
		{"a line end after", `/a`, "/a%0A", nil},
		{"a line end after, with $", `/a$`, "/a%0A", nil},
		{"lines", `(?m)^/a$`, "/a%0A/b", nil},
		{"a flag holds for the pattern", `(?i)/A`, "/a", values{}},
		{"case counts", `/A`, "/a", nil},
		{"the empty pattern", ``, "/", nil},
		{"the path of OPTIONS", `.*`, "*", values{}},

		// Escapes.
		{"an escaped slash does not separate", `/rooms/([^/]+)`, "/rooms/a%2Fb", values{"1": "a/b"}},
		{"nor does it in small letters", `/rooms/([^/]+)`, "/rooms/a%2fb", values{"1": "a/b"}},
		{"nor is it the pattern's", `/rooms/(\w+)/(\w+)`, "/rooms/a%2Fb", nil},
		{"nor a prefix", `/admin/.*`, "/admin%2Fx", nil},
		{"nor beside what should be escaped", `/admin/.*`, `/admin%2F"`, nil},
		{"it is matched as three characters", `/a%2F(b)`, "/a%2fb", values{"1": "b"}},
		{"and is no word", `/(\w+)`, "/a%2Fb", nil},
		{"an escaped percent sign", `/(.*)`, "/100%25", values{"1": "100%"}},
		{"escaped twice", `/(.*)`, "/a%252Fb", values{"1": "a%2Fb"}},
		{"escaped twice, with a slash", `/([^/]*)`, "/a%252Fb%2F", values{"1": "a%2Fb/"}},
		{"an escaped letter", `/rooms/(\w+)`, "/%72ooms/%74ea", values{"1": "tea"}},
		{"an escaped space", `/([a-z ]+)`, "/a%20b", values{"1": "a b"}},
		{"a plus is a plus", `/(.*)`, "/a+b", values{"1": "a+b"}},
		{"UTF-8", `/caf\x{e9}/(\pL+)`, "/caf%C3%A9/%C3%BC", values{"1": "\u00fc"}},
		{"UTF-8 as it is", `/(\pL+)`, "/\u00fc", values{"1": "\u00fc"}},
		{"not UTF-8", `/(.*)`, "/%FF", values{"1": "\xff"}},
		{"dots are seen as they came", `/files/(.*)`, "/files/../x", values{"1": "../x"}},
		{"escaped dots too", `/files/([^/]*)`, "/files/%2E%2E%2Fx", values{"1": "../x"}},
	}
	for _, tt := range tests {
		var mux route.Mux
		mux.HandleFunc(tt.pattern, ok)
		status, got := get(t, &mux, tt.target, slices.Collect(maps.Keys(tt.want))...)
		if want := map[bool]int{true: 200, false: 404}[tt.want != nil]; status != want {
			t.Errorf("%s: %s for %s: status %d, want %d", tt.name, tt.pattern, tt.target, status, want)
		} else if tt.want != nil && !maps.Equal(got, tt.want) {
			t.Errorf("%s: %s for %s: %q, want %q", tt.name, tt.pattern, tt.target, got, tt.want)
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	var mux route.Mux
	for i, pattern := range []string{`/a`, `/(\w)`, `/.*`, `/a`} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(210 + i) })
	}
	for target, want := range map[string]int{"/a": 210, "/b": 211, "/cd": 212} {
		if got, _ := get(t, &mux, target); got != want {
			t.Errorf("%s: handler %d, want %d", target, got-210, want-210)
		}
	}
	var empty route.Mux
	if got, _ := get(t, &empty, "/a"); got != 404 {
		t.Errorf("the zero Mux answers %d", got)
	}
}

// A pattern that does not match must leave nothing behind for the one that does.
func TestNoValuesOfOthers(t *testing.T) {
	var mux route.Mux
	mux.HandleFunc(`/(?<id>\d+)/x`, ok)
	mux.HandleFunc(`/\d+/y`, ok)
	if status, got := get(t, &mux, "/1/y", "id", "1"); status != 200 || got["id"] != "" || got["1"] != "" {
		t.Errorf("status %d, values %q", status, got)
	}
}

func TestInsideServeMux(t *testing.T) {
	var rooms route.Mux
	rooms.HandleFunc(`/rooms/(?<room>[a-z]+)-(\d+)`, ok)
	rooms.HandleFunc(`/v\d/(?<version>.*)`, ok)
	var mux http.ServeMux
	mux.Handle("/rooms/", &rooms)
	mux.Handle("/{version}/{rest...}", &rooms)

	tests := []struct {
		target string
		status int
		want   map[string]string
	}{
		{"/rooms/tea-12", 200, map[string]string{"room": "tea", "1": "tea", "2": "12"}},
		{"/rooms/tea", 404, nil},
		{"/other/x", 404, nil},
		{"/v1/x", 200, map[string]string{"version": "x", "1": "x", "rest": "x"}}, // the inner value replaces the outer one
	}
	for _, tt := range tests {
		status, got := get(t, &mux, tt.target, slices.Collect(maps.Keys(tt.want))...)
		if status != tt.status || tt.want != nil && !maps.Equal(got, tt.want) {
			t.Errorf("%s: %d, %q, want %d, %q", tt.target, status, got, tt.status, tt.want)
		}
	}
	// StripPrefix passes a copy of the request on, so the handler has to tell.
	var stripped route.Mux
	stripped.HandleFunc(`/([^/]+)`, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("1")) })
	w := httptest.NewRecorder()
	http.StripPrefix("/api", &stripped).ServeHTTP(w, httptest.NewRequest("GET", "/api/a%2Fb", nil))
	if got := w.Body.String(); got != "a/b" {
		t.Errorf("behind StripPrefix: %d %q", w.Code, got)
	}
}

// What changes Path and forgets RawPath is believed about Path.
func TestStaleRawPath(t *testing.T) {
	var mux route.Mux
	mux.HandleFunc(`/b/(.*)`, ok)
	r := &http.Request{Method: "GET", URL: &url.URL{Path: "/b/100%", RawPath: "/a%2Fc"}}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Code != 200 || r.PathValue("1") != "100%" {
		t.Errorf("status %d, value %q", w.Code, r.PathValue("1"))
	}
}

func TestBadPattern(t *testing.T) {
	tests := []struct {
		name, pattern, say string
		handler            http.Handler
	}{
		{"a parenthesis too few", `/rooms/(\w+`, "missing closing )", http.HandlerFunc(ok)},
		{"a parenthesis too many", `/rooms/\w+)`, "unexpected )", http.HandlerFunc(ok)},
		{"parentheses that fit ours", `/a)|(?:/b`, "unexpected )", http.HandlerFunc(ok)},
		{"a quotation that does not end", `/\Qrooms`, "missing closing )", http.HandlerFunc(ok)},
		{"a name twice", `/(?<a>x)(?<a>y)`, "two groups are named a", http.HandlerFunc(ok)},
		{"a number as a name", `/(?<2>x)(y)`, "group name 2", http.HandlerFunc(ok)},
		{"no handler", `/rooms`, "nil handler", nil},
	}
	for _, tt := range tests {
		func() {
			var mux route.Mux
			defer func() {
				msg, _ := recover().(string)
				if !strings.HasPrefix(msg, "route: ") || !strings.Contains(msg, fmt.Sprintf("%q", tt.pattern)) || !strings.Contains(msg, tt.say) {
					t.Errorf("%s: panic %q does not name the pattern or does not say %q", tt.name, msg, tt.say)
				}
				if status, _ := get(t, &mux, "/rooms"); status != 404 {
					t.Errorf("%s: the pattern was added", tt.name)
				}
			}()
			mux.Handle(tt.pattern, tt.handler)
		}()
	}
	defer func() {
		if msg, _ := recover().(string); !strings.Contains(msg, "nil handler") {
			t.Errorf("HandleFunc with nil: panic %q", msg)
		}
	}()
	new(route.Mux).HandleFunc(`/`, nil)
}

func TestConcurrentUse(t *testing.T) {
	var mux route.Mux
	mux.HandleFunc(`/first/(\d+)`, ok)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { mux.HandleFunc(fmt.Sprintf(`/%d/(\d+)`, i), ok) })
		wg.Go(func() {
			want := fmt.Sprint(i)
			if status, got := get(t, &mux, "/first/"+want, "1"); status != 200 || got["1"] != want {
				t.Errorf("status %d, values %q", status, got)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		if status, _ := get(t, &mux, fmt.Sprintf("/%d/1", i)); status != 200 {
			t.Errorf("pattern %d: status %d", i, status)
		}
	}
}

// FuzzPath: a group around the whole path is the decoded path, and groups between slashes are the
// segments between the slashes that were not escaped.
func FuzzPath(f *testing.F) {
	f.Add("/rooms/a%2Fb")
	f.Add("/%25/\"%2f")
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		value := func(pattern string) string {
			var mux route.Mux
			mux.HandleFunc(pattern, ok)
			r := &http.Request{Method: "GET", URL: u}
			w := httptest.NewRecorder()
			if mux.ServeHTTP(w, r); w.Code != 200 {
				t.Fatalf("%s does not match %q", pattern, target)
			}
			return r.PathValue("1")
		}
		if got := value(`(?s)(.*)`); got != u.Path {
			t.Errorf("%q: whole path %q, want %q", target, got, u.Path)
		}
		raw := u.RawPath
		if raw == "" {
			raw = u.EscapedPath()
		}
		segments := strings.Split(raw, "/")
		for i, segment := range segments[1:] {
			if i == 100 {
				break
			}
			want, err := url.PathUnescape(segment)
			if err != nil {
				t.Fatal(err)
			}
			pattern := fmt.Sprintf(`(?s)(?:/[^/]*){%d}/([^/]*)(?:/.*)?`, i)
			if got := value(pattern); got != want {
				t.Errorf("%q: segment %d is %q, want %q", target, i, got, want)
			}
		}
	})
}
