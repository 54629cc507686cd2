// Package route serves URL paths that are described by regular expressions, whose groups become path
// values of the request:
//
//	var mux route.Mux
//	mux.Handle(`/rooms/(\w+)`, srv.Handler(open)) // open reads r.PathValue("1")
//
// It is for paths that the patterns of [http.ServeMux] cannot describe. It needs neither the rest of
// the module nor WebSockets, and works on its own as well as inside another mux.
package route

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Mux is an [http.Handler] that passes a request to the first of its handlers whose pattern matches
// the path of the URL, and answers 404 if there is none. The zero value is ready. Its methods may be
// called at the same time; a Mux must not be copied after first use.
type Mux struct {
	mu     sync.RWMutex
	routes []entry
}

type entry struct {
	pattern *regexp.Regexp
	names   []string // of the groups, the whole match being the first; empty if it has none
	handler http.Handler
}

// Handle adds a handler for the paths that pattern matches. Patterns are tried in the order in which
// they were added. The syntax is that of package regexp, which matches in linear time.
//
// A pattern has to match the whole path, with or without ^ and $. Its groups reach the handler
// through [http.Request.PathValue]: by number, starting with "1", and by name if it is written as
// (?<name>...). The value of a group that took no part in the match is empty. Path values that the
// request had before are kept, unless they have the same name.
//
// What is matched is the path with its percent-escapes decoded, except for %2F and %25, an escaped
// slash and an escaped percent sign, which are matched as these three characters, in capitals. So an
// escaped slash never separates: [^/]+ matches a%2Fb, and what stands before it cannot be taken for
// a directory. In the values these two are decoded as well. Nothing else is done to the path: . and
// .. and // are seen as they came, and a value is whatever a client sent and the pattern let through.
//
// Handle panics if handler is nil, if pattern does not compile, or if the name of a group is a number
// or that of another group: as with [http.ServeMux], these are mistakes in the program, to be seen
// when it starts.
func (m *Mux) Handle(pattern string, handler http.Handler) {
	if handler == nil {
		panic(fmt.Sprintf("route: pattern %q: nil handler", pattern))
	}
	e, err := compile(pattern)
	if err != nil {
		panic(fmt.Sprintf("route: pattern %q: %v", pattern, err))
	}
	e.handler = handler
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes = append(m.routes, e)
}

// HandleFunc is [Mux.Handle] for a function.
func (m *Mux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	if handler == nil {
		panic(fmt.Sprintf("route: pattern %q: nil handler", pattern))
	}
	m.Handle(pattern, http.HandlerFunc(handler))
}

// ServeHTTP sets the path values of r and passes it to the handler of the first pattern that
// matches, whatever the method, or answers 404.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := m.match(r)
	if h == nil {
		h = http.NotFoundHandler()
	}
	h.ServeHTTP(w, r)
}

// match returns the handler for r and sets its path values, or returns nil.
func (m *Mux) match(r *http.Request) http.Handler {
	path := matchable(r.URL)
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, e := range m.routes {
		groups := e.pattern.FindStringSubmatch(path)
		if groups == nil {
			continue
		}
		for i := 1; i < len(groups); i++ {
			value := decodeRest.Replace(groups[i])
			r.SetPathValue(strconv.Itoa(i), value)
			if e.names[i] != "" {
				r.SetPathValue(e.names[i], value)
			}
		}
		return e.handler
	}
	return nil
}

// compile anchors pattern at both ends.
func compile(pattern string) (entry, error) {
	// Alone first: "a)(b" would be correct inside the group.
	alone, err := regexp.Compile(pattern)
	if err != nil {
		return entry{}, err
	}
	names := alone.SubexpNames()
	for i, name := range names {
		if name == "" {
			continue
		}
		if slices.Contains(names[:i], name) {
			return entry{}, fmt.Errorf("two groups are named %s", name)
		}
		if strings.Trim(name, "0123456789") == "" {
			return entry{}, fmt.Errorf("group name %s is a number, which groups have already", name)
		}
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	return entry{pattern: re, names: names}, err
}

// decodeRest decodes what matchable leaves escaped.
var decodeRest = strings.NewReplacer("%2F", "/", "%25", "%")

// matchable returns the path of u as patterns see it: decoded, except for the slash and, so that
// this can be undone, the percent sign.
func matchable(u *url.URL) string {
	// Not EscapedPath: a character that should have been escaped makes it forget which slashes were.
	decoded, err := url.PathUnescape(u.RawPath)
	if u.RawPath == "" || err != nil || decoded != u.Path {
		return strings.ReplaceAll(u.Path, "%", "%25")
	}
	var b strings.Builder
	for i := 0; i < len(u.RawPath); i++ {
		c := u.RawPath[i]
		if c == '%' {
			// PathUnescape has seen that two hexadecimal digits follow.
			n, _ := strconv.ParseUint(u.RawPath[i+1:i+3], 16, 8)
			c = byte(n)
			i += 2
			if c == '/' || c == '%' {
				fmt.Fprintf(&b, "%%%02X", c)
				continue
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
