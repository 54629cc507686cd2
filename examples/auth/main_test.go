package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

func TestAuth(t *testing.T) {
	var srv spout.Server
	web := httptest.NewServer(srv.Handler(sessions{"right": "Ann"}.open))
	defer web.Close()
	url := strings.Replace(web.URL, "http", "ws", 1)

	for _, cookie := range []string{"", "session=wrong", "session="} {
		d := spout.Dialer{Header: http.Header{"Cookie": {cookie}}}
		_, err := d.Dial(t.Context(), url)
		refused, ok := errors.AsType[*spout.HandshakeError](err)
		if !ok || refused.Status != http.StatusUnauthorized || refused.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("cookie %q: got %v, want 401 with WWW-Authenticate", cookie, err)
		}
	}

	d := spout.Dialer{Header: http.Header{"Cookie": {"session=right"}}}
	c, err := d.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if m, err := c.Read(t.Context()); err != nil || m.String() != "welcome, Ann" {
		t.Errorf("got %q, %v", m, err)
	}
}
