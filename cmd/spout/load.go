package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/client"
)

const (
	maxBots    = 1000
	botsInRoom = 10 // rooms are "bots 1", "bots 2" ..., each spread over the nodes
	botPause   = time.Second
	botWave    = time.Minute // in which they speak more often and less often
	botAway    = 3 * time.Second
)

// load is bots that make the charts of the Live page move, until ctx ends: they chat, now and then one loses its connection, and one
// more on each node reads slowly. heardBy is told what the bots of a node hear.
func load(ctx context.Context, urls []string, bots int, heardBy func(node int, delay time.Duration)) {
	var running sync.WaitGroup
	for i := range bots {
		node := i % len(urls)
		b := bot{name: fmt.Sprintf("bot %d", i+1), heard: func(d time.Duration) { heardBy(node, d) }}
		b.client.URL = fmt.Sprintf("%sws/chat/bots%%20%d?name=bot%%20%d", urls[node], i/botsInRoom+1, i+1)
		b.client.Dialer = &spout.Dialer{Header: botHeader()}
		b.away = time.Duration(bots) * botAway
		running.Go(func() { b.run(ctx) })
	}
	for _, url := range urls {
		running.Go(func() { readSlowly(ctx, url+"ws/echo") })
	}
	running.Wait()
}

func botHeader() http.Header { return http.Header{"User-Agent": {botAgent}} }

// bot is one who speaks in a room, and measures how long what bots say takes to arrive.
type bot struct {
	name   string
	client client.Client
	away   time.Duration // the mean time between losses of its connection
	heard  func(delay time.Duration)
}

func (b *bot) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go b.speak(ctx)
	for e, err := range b.client.Events(ctx) {
		if err != nil {
			return
		}
		if e.Type != hub.Message {
			continue
		}
		var s said
		if e.Message.Decode(&s) == nil {
			if spoken, ok := spokenAt(s.Text); ok {
				b.heard(time.Since(spoken))
			}
		}
	}
}

// speak says something about once a second, and when.
func (b *bot) speak(ctx context.Context) {
	for n := 1; ; n++ {
		phase := 2 * math.Pi * float64(time.Now().UnixNano()%int64(botWave)) / float64(botWave)
		pause := time.Duration(float64(botPause) * (1 + math.Sin(phase)/2) * (0.5 + rand.Float64()))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		order := map[string]string{"type": "say", "text": fmt.Sprintf("%s, %d %s%d", b.name, n, spokenMark, time.Now().UnixNano())}
		if rand.N(b.away) < pause {
			order = map[string]string{"type": "drop"}
		}
		if msg, err := spout.JSON(order); err == nil {
			b.client.Send(msg) // while it is not connected, it is silent
		}
	}
}

// spokenMark comes before the time in what bots say, in ns since 1970.
const spokenMark = "at "

func spokenAt(text string) (t time.Time, ok bool) {
	_, digits, found := strings.Cut(text, spokenMark)
	ns, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(0, ns), found && err == nil
}

// readSlowly has much sent to it, and takes its time to read it, again and again: so the server has something to queue.
func readSlowly(ctx context.Context, url string) {
	d := spout.Dialer{
		Header: botHeader(),
		Client: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if tcp, ok := conn.(*net.TCPConn); ok {
				tcp.SetReadBuffer(64 << 10) // the kernel is not to read in its place
			}
			return conn, err
		}}},
	}
	for ctx.Err() == nil {
		if c, err := d.Dial(ctx, url); err == nil {
			readSlowlyFrom(ctx, c)
			c.CloseNow()
		}
		pause(ctx, botPause)
	}
}

const (
	slowMessages = 6
	slowBytes    = 800 << 10 // each; together more than the kernel takes
	slowPiece    = 100 << 10
	slowPause    = 100 * time.Millisecond
)

func readSlowlyFrom(ctx context.Context, c *spout.Conn) error {
	go func() {
		for range slowMessages {
			c.Write(ctx, spout.Binary(make([]byte, slowBytes)))
		}
	}()
	for range slowMessages {
		_, r, err := c.Reader(ctx)
		for err == nil {
			_, err = io.CopyN(io.Discard, r, slowPiece)
			pause(ctx, slowPause)
		}
		if err != io.EOF {
			return err
		}
	}
	return c.Close(spout.CloseNormal, "")
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
