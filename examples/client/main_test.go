package main

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

func TestHello(t *testing.T) {
	var srv spout.Server
	web := httptest.NewServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Send(spout.Text("You said: " + m.String()))
	}))
	defer web.Close()
	url := strings.Replace(web.URL, "http", "ws", 1)

	for name, hello := range map[string]func(context.Context, string, func(string)) error{
		"loop": loop, "callback": callback,
	} {
		var shown []string
		err := hello(t.Context(), url, func(text string) { shown = append(shown, text) })
		if want := []string{"You said: hello"}; err != nil || !slices.Equal(shown, want) {
			t.Errorf("%s showed %q and returned %v, want %q", name, shown, err, want)
		}
	}
}
