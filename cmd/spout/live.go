package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// live is what the Live page of a node is connected to, at /ws/live: a room of package hub whose messages are
// samples, the last five minutes first. Between them comes what is of no use later, a table:
//
//	{"connections":[...],"more":0,"nodes":[{"name":"1","url":"http://...","up":true}]}
//
// The page sends {"type":"close","id":7} to close a connection, and {"type":"kill","node":"2"} or {"type":"start",...} if there
// are several nodes. Who may do that is whoever has the token; if there is none, browsers and programs
// on this machine.
type live struct {
	watch *watch
	token string
	nodes *nodes // nil if there is but one
	hub   hub.Hub
}

// watcher is a connection of a Live page.
type watcher struct {
	spout.Base
	live    *live
	options hub.JoinOptions
}

// table is the state of a node now.
type table struct {
	Connections []row       `json:"connections"`
	More        int         `json:"more"` // that are not listed
	Nodes       []nodeState `json:"nodes,omitempty"`
}

const (
	liveRoom    = "live"
	liveHistory = 300 // samples
	liveRows    = 100
)

func newLive(d *demo) *live {
	return &live{watch: newWatch(d.bots > 0), token: d.token, nodes: d.nodes.several(), hub: hub.Hub{History: &hub.History{Size: liveHistory}}}
}

// handler is ws.Handler for connections that are watched; a nil live watches none.
func (l *live) handler(ws *spout.Server, open func(*http.Request) (spout.Handler, error)) http.Handler {
	if l == nil {
		return ws.Handler(open)
	}
	return ws.Handler(l.watch.watched(open))
}

// open lets in who may watch. The server has checked the Origin before.
func (l *live) open(r *http.Request) (spout.Handler, error) {
	switch {
	case l.token != "" && !equal(l.token, r.URL.Query().Get("token")):
		return nil, &spout.HandshakeError{Status: http.StatusUnauthorized, Reason: "?token= is not that of --token"}
	case l.token == "" && !fromHere(r):
		return nil, &spout.HandshakeError{Status: http.StatusForbidden, Reason: "only this machine may watch, at a loopback address; --token lets others"}
	}
	options, err := hub.FromRequest(r)
	options.Envelope, options.Recent = true, liveHistory
	return &watcher{live: l, options: options}, err
}

// equal tells nothing by the time that it takes.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// fromHere reports whether a request comes from this machine itself. The Host keeps a foreign page out that has made its
// name resolve to a loopback address; the other headers, those who come through a proxy.
func fromHere(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	host, _, splitErr := net.SplitHostPort(r.Host)
	if splitErr != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return err == nil && peer.Addr().Unmap().IsLoopback() && slices.Contains(loopbackHosts, strings.ToLower(host)) &&
		r.Header.Get("Forwarded") == "" && r.Header.Get("X-Forwarded-For") == ""
}

func (w *watcher) OnOpen(c *spout.Conn) error {
	_, err := w.live.hub.JoinWith(liveRoom, c, w.options)
	return err
}

func (w *watcher) OnMessage(c *spout.Conn, m spout.Message) error {
	var order struct {
		Type string
		ID   int
		Node string
	}
	if err := m.Decode(&order); err != nil {
		order.Type = ""
	}
	nodes := w.live.nodes
	switch {
	case order.Type == "close":
		if other := w.live.watch.find(order.ID); other != nil {
			other.Close(spout.CloseGoingAway, "closed on the Live page")
		}
	case order.Type == "kill" && nodes != nil:
		go nodes.kill(order.Node) // which ends this connection, too, if it is its node
	case order.Type == "start" && nodes != nil:
		go nodes.start(order.Node)
	default:
		return c.Close(spout.ClosePolicy, "there is no such order")
	}
	return nil
}

// run measures once a second until ctx ends.
func (l *live) run(ctx context.Context) {
	if l == nil {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			l.tick(ctx, now)
		case <-ctx.Done():
			return
		}
	}
}

func (l *live) tick(ctx context.Context, now time.Time) {
	msg, err := spout.JSON(l.watch.sample(now))
	if err == nil {
		err = l.hub.Publish(ctx, liveRoom, msg)
	}
	watchers := slices.Collect(l.hub.Members(liveRoom))
	if err != nil || len(watchers) == 0 {
		return // the broker is the hub's own memory, which fails when ctx has ended
	}
	l.watch.ping()
	t := table{Nodes: l.nodes.states()}
	t.Connections, t.More = l.watch.rows(now, liveRows)
	if msg, err = spout.JSON(t); err != nil {
		return
	}
	msg = msg.Prepare()
	for _, c := range watchers {
		c.Send(msg) // who does not keep up gets the next one
	}
}
