package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// TestLiveGuard has requests of everybody who might want to see the connections and to close them.
func TestLiveGuard(t *testing.T) {
	const token = "s3cret"
	tests := []struct {
		name         string
		token        string
		peer, target string
		header       http.Header
		status       int // 0 if it is let in
	}{
		{"this machine", "", "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live", nil, 0},
		{"by name", "", "127.0.0.1:5000", "http://LocalHost:8888/ws/live", nil, 0},
		{"by IPv6", "", "[::1]:5000", "http://[::1]:8888/ws/live", nil, 0},
		{"on the port of http", "", "[::1]:5000", "http://[::1]/ws/live", nil, 0},
		{"IPv4 in IPv6", "", "[::ffff:127.0.0.1]:5000", "http://localhost/ws/live", nil, 0},
		{"another machine", "", "192.0.2.1:5000", "http://192.0.2.7:8888/ws/live", nil, 403},
		{"another machine that says localhost", "", "192.0.2.1:5000", "http://localhost:8888/ws/live", nil, 403},
		{"a name made to resolve to this machine", "", "127.0.0.1:5000", "http://evil.example:8888/ws/live", nil, 403},
		{"a name that begins well", "", "127.0.0.1:5000", "http://localhost.evil.example:8888/ws/live", nil, 403},
		{"through a proxy", "", "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, 403},
		{"through another proxy", "", "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live", http.Header{"Forwarded": {"for=192.0.2.1"}}, 403},
		{"a token where none is wanted", "", "192.0.2.1:5000", "http://192.0.2.7:8888/ws/live?token=", nil, 403},

		{"no token", token, "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live", nil, 401},
		{"an empty token", token, "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live?token=", nil, 401},
		{"a wrong token", token, "127.0.0.1:5000", "http://127.0.0.1:8888/ws/live?token=s3cre", nil, 401},
		{"the token", token, "192.0.2.1:5000", "http://192.0.2.7:8888/ws/live?token=s3cret", nil, 0},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", tt.target, nil)
		r.RemoteAddr = tt.peer
		for name, values := range tt.header {
			r.Header[name] = values
		}
		_, err := newLive(&demo{token: tt.token}).open(r)
		status := 0
		if refused, ok := errors.AsType[*spout.HandshakeError](err); ok {
			status = refused.Status
		}
		if status != tt.status || (err == nil) != (status == 0) {
			t.Errorf("%s: %v, want status %d", tt.name, err, tt.status)
		}
	}
}

// TestLiveOrigins has pages of others on this machine's own browser.
func TestLiveOrigins(t *testing.T) {
	s := startServer(t, config{demo: &demo{}, loopbackOrigins: true})
	for _, origin := range []string{"http://evil.example", "http://127.0.0.1:1", "null"} {
		_, err := s.dial("/ws/live", origin)
		if refused, ok := errors.AsType[*spout.HandshakeError](err); !ok || refused.Status != http.StatusForbidden {
			t.Errorf("a page of %s: %v, want a refusal with 403", origin, err)
		}
	}
	c, err := s.dial("/ws/live", "http://"+s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.CloseNow()
	plain := startServer(t, config{})
	if _, err := plain.dial("/ws/live", ""); err == nil {
		t.Error("spout serve has a Live page")
	}
}

// next returns the next sample and the next table.
func nextLive(t *testing.T, c *spout.Conn) (s sample, now table) {
	t.Helper()
	for sampled, listed := false, false; !sampled || !listed; {
		m := read(t, c)
		var e hub.Envelope
		if err := m.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if what, ok := e.Message(); ok {
			if err := what.Decode(&s); err != nil {
				t.Fatal(err)
			}
			sampled = true
		} else if e.Type == "" {
			if err := m.Decode(&now); err != nil {
				t.Fatal(err)
			}
			listed = true
		}
	}
	return s, now
}

// TestLive watches a connection, closes it, and finds its end counted.
func TestLive(t *testing.T) {
	s := startServer(t, config{demo: &demo{}})
	c := s.mustDial(t, "/ws/live?position=")
	victim := s.mustDial(t, "/ws/echo")
	if err := victim.Send(spout.Text("hello")); err != nil {
		t.Fatal(err)
	}
	read(t, victim)
	var id int
	for received := int64(0); received == 0; {
		now, list := nextLive(t, c)
		received += now.Received
		if at := slices.IndexFunc(list.Connections, func(r row) bool { return r.Path == "/ws/echo" && r.Received == 1 }); at >= 0 {
			id = list.Connections[at].ID
		}
		if now.Connections != 2 || now.Heap == 0 || time.Since(time.UnixMilli(now.At)) > time.Minute || list.More != 0 || list.Nodes != nil {
			t.Errorf("measured %+v, %+v; want two connections", now, list)
		}
	}
	if id == 0 {
		t.Fatal("the connection that had sent a message was not listed")
	}
	for rtt := 0.0; rtt == 0; { // a connection that is watched is pinged
		_, list := nextLive(t, c)
		rtt = list.Connections[0].RTT
	}
	if err := c.SendJSON(map[string]any{"type": "close", "id": id}); err != nil {
		t.Fatal(err)
	}
	if closed := readClose(t, victim); closed.Code != spout.CloseGoingAway || !closed.Remote {
		t.Errorf("closed with %v, want 1001", closed)
	}
	rude := s.mustDial(t, "/ws/echo")
	rude.CloseNow()
	dropped := int64(0)
	for last := (sample{Connections: 2}); dropped == 0 || last.Connections != 1; dropped += last.Dropped {
		last, _ = nextLive(t, c)
	}
	if dropped != 1 {
		t.Errorf("%d connections were dropped, want 1", dropped)
	}
}

// TestLiveOrders has orders that can't be carried out; a node that is alone can't be killed.
func TestLiveOrders(t *testing.T) {
	ns := startNodes(t, demoOptions{nodes: 1})
	for _, order := range []string{`{"type":"kill","node":""}`, `{"type":"start","node":"1"}`, `{"type":"`, `{}`, `"close"`} {
		c := ns.at(t, 0).mustDial(t, "/ws/live")
		if err := c.Send(spout.Text(order)); err != nil {
			t.Fatal(err)
		}
		for {
			_, err := readOrEnd(c)
			if err == nil {
				continue // what is measured
			}
			if spout.CloseCode(err) != spout.ClosePolicy {
				t.Errorf("%s: closed with %v, want 1008", order, err)
			}
			break
		}
	}
}

// TestLiveRows has more connections than are listed, and bots after all others.
func TestLiveRows(t *testing.T) {
	s := startServer(t, config{demo: &demo{}})
	d := spout.Dialer{Client: &http.Client{Transport: s.transport}, Header: botHeader()}
	for range 3 {
		c, err := d.Dial(t.Context(), s.address("/ws/clock"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		read(t, c) // it is listed before
	}
	for range 2 {
		read(t, s.mustDial(t, "/ws/chat/lobby?name=Ann&position="))
	}
	rows, more := s.live.watch.rows(time.Now(), 3)
	var paths []string
	for _, r := range rows {
		paths = append(paths, r.Path)
	}
	if want := []string{"/ws/chat/lobby", "/ws/chat/lobby", "/ws/clock"}; !slices.Equal(paths, want) || more != 2 {
		t.Errorf("listed %q and %d more, want %q and 2", paths, more, want)
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1)*time.Millisecond)
	}
	for _, tt := range []struct {
		of   []time.Duration
		p    int
		want float64
	}{{sorted, 50, 100}, {sorted, 99, 198}, {sorted[:1], 50, 1}, {sorted[:1], 99, 1}, {sorted[:3], 50, 2}, {sorted[:3], 99, 3}} {
		if got := *percentile(tt.of, tt.p); got != tt.want {
			t.Errorf("p%d of %d is %v, want %v", tt.p, len(tt.of), got, tt.want)
		}
	}
}
