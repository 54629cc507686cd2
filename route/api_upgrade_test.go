package route_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/route"
)

// The groups of a pattern reach the function that makes a connection's handler, by number and by name.
func TestGroupsReachTheHandler(t *testing.T) {
	var srv spout.Server
	var mux route.Mux
	mux.Handle(`/rooms/(\w+)/(?<page>\d+)`, srv.Handler(func(r *http.Request) (spout.Handler, error) {
		place := r.PathValue("1") + " " + r.PathValue("2") + " " + r.PathValue("page")
		return spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			return c.Send(spout.Text(place + ": " + m.String()))
		}), nil
	}))
	s := httptest.NewServer(&mux)
	defer s.Close()
	base := strings.Replace(s.URL, "http", "ws", 1)

	c, err := spout.Dial(t.Context(), base+"/rooms/tea/42")
	if err != nil {
		t.Fatal(err)
	}
	c.Send(spout.Text("hello"))
	if m, err := c.Read(t.Context()); err != nil || m.String() != "tea 42 42: hello" {
		t.Errorf("got %q, %v", m, err)
	}
	c.Close(spout.CloseNormal, "")
	<-c.Context().Done()

	_, err = spout.Dial(t.Context(), base+"/rooms/tea/x")
	if e, ok := errors.AsType[*spout.HandshakeError](err); !ok || e.Status != http.StatusNotFound {
		t.Errorf("a path that does not match: %v", err)
	}
}
