package brokertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spoutws/spout/hub"
)

// rooms is what must be so in rooms of both kinds.
var rooms = []check{
	{"DeliversToAll", deliversToAll},
	{"Subscribe", subscribeBegins},
	{"Cancel", cancelEnds},
	{"SubscribeWhilePublishing", subscribeWhilePublishing},
	{"Names", names},
	{"ManyRooms", manyRooms},
	{"Sizes", sizes},
	{"EndedContexts", endedContexts},
}

// Every subscription of every node receives what every node publishes: each message once, and those of
// each publisher in their order.
func deliversToAll(t testing.TB, open Open) {
	const nodes, publishers, messages, each = 3, 2, 50, 2
	brokers := open(t, nodes)
	var recorders []*recorder
	for _, b := range brokers {
		for range each {
			recorders = append(recorders, subscribe(t, b, "room"))
		}
	}

	var all sync.WaitGroup
	for n, b := range brokers {
		for p := range publishers {
			all.Go(func() {
				for i := range messages {
					publish(t, b, "room", fmt.Sprintf("%d.%d/%d", n, p, i))
				}
			})
		}
	}
	all.Wait()
	for n, b := range brokers { // what comes twice has come before them
		publish(t, b, "room", fmt.Sprintf("%d.end/0", n))
	}

	for _, r := range recorders {
		texts := r.until("the last one of each node", func(texts []string) bool {
			ends := 0
			for _, text := range texts {
				if strings.Contains(text, ".end/") {
					ends++
				}
			}
			return ends >= nodes
		})
		next := map[string]int{}
		for _, text := range texts {
			publisher, number, _ := strings.Cut(text, "/")
			if number != strconv.Itoa(next[publisher]) {
				t.Fatalf("%q came when %d was the next one of that publisher", text, next[publisher])
			}
			next[publisher]++
		}
		if want := nodes*publishers*messages + nodes; len(texts) != want {
			t.Fatalf("%d messages came, want %d", len(texts), want)
		}
	}
}

// A subscription begins when Subscribe returns, not before.
func subscribeBegins(t testing.TB, open Open) {
	brokers := open(t, 2)
	for from, publisher := range brokers {
		for to, subscriber := range brokers {
			room := fmt.Sprintf("from %d to %d", from, to)
			publish(t, publisher, room, "nobody is there")
			first := subscribe(t, subscriber, room)
			publish(t, publisher, room, "one is there")
			second := subscribe(t, subscriber, room)
			publish(t, publisher, room, "two are there")
			first.want("one is there", "two are there")
			second.want("two are there")
		}
	}
}

// Nothing that is published after cancel has returned is delivered; others are not concerned.
func cancelEnds(t testing.TB, open Open) {
	brokers := open(t, 2)
	here, there := brokers[0], brokers[1]
	first, second, other := subscribe(t, here, "room"), subscribe(t, here, "room"), subscribe(t, there, "room")
	inside := &recorder{t: t, room: "room", more: make(chan struct{})}
	inside.onDeliver = func() { inside.cancel() }
	inside.start(here)

	publish(t, there, "room", "1")
	first.want("1")
	second.want("1")
	inside.want("1")
	first.cancel()
	publish(t, here, "room", "2")
	publish(t, here, "room", "3")
	second.want("1", "2", "3")
	other.want("1", "2", "3")

	second.cancel() // the last one of this node
	publish(t, here, "room", "4")
	other.want("1", "2", "3", "4")
	again := subscribe(t, here, "room")
	publish(t, there, "room", "5")
	again.want("5")
	other.want("1", "2", "3", "4", "5")

	first.want("1")
	second.want("1", "2", "3")
	inside.want("1")
}

// Whoever subscribes while another node publishes receives all from then on.
func subscribeWhilePublishing(t testing.TB, open Open) {
	const rounds, flying = 20, 8
	brokers := open(t, 2)
	var begun, done atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	paced := subscribe(t, brokers[0], "room")
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n := begun.Add(1)
			publish(t, brokers[0], "room", strconv.FormatInt(n, 10))
			done.Store(n)
			if !paced.has(int(n) - flying) {
				return
			}
		}
	}()
	defer func() { close(stop); <-stopped }()

	for range rounds {
		before := done.Load()
		r := subscribe(t, brokers[1], "room")
		after := begun.Load()
		texts := r.wait(5)
		r.cancel()
		first, _ := strconv.ParseInt(texts[0], 10, 64)
		if first <= before {
			t.Fatalf("message %d came, which was published before Subscribe", first)
		}
		if first > after+1 {
			t.Fatalf("the first message that came is %d; Subscribe had returned before %d was published", first, after+1)
		}
		for i, text := range texts {
			if text != strconv.FormatInt(first+int64(i), 10) {
				t.Fatalf("message %d came %d after %d", i, i, first)
			}
		}
	}
}

// has waits like wait, from any goroutine.
func (r *recorder) has(n int) bool {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	for {
		r.mu.Lock()
		ok, more := len(r.texts) >= n, r.more
		r.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-more:
		case <-ctx.Done():
			r.note("fewer than %d deliveries after %v", n, patience)
			return false
		}
	}
}

// Names that mean something elsewhere, and such as differ in little.
var oddNames = []string{
	"a", "A", "a.b", "a.b.c", "a..b", "a b", "a_b", "a-b", "a/b", "a%2Eb", "a%2eb", "a=2Eb", "a+b", "a:b", "a,b", "a\\b",
	".", "..", "...", ".a", "a.", "*", "a.*", "*.b", ">", "a.>", "?", "[a]", "{a}", "$SYS", "$JS.API.INFO", "$KV.a", "_INBOX.a",
	" ", "  ", " a", "a ", "\t", "\n", "\r\n", "\x00", "a\x00", "\x7f", "'", `"`, "#", "&", "~", "-", "0",
	"é", "e\u0301", "日本語", "🚰", "\u200b", "\ufeff", "\ufffd", "null", "undefined",
	strings.Repeat("x", 127), strings.Repeat("x", 127) + "y", strings.Repeat("x", 128), strings.Repeat(">", 128), strings.Repeat(".", 128),
	strings.Repeat("é", 64), strings.Repeat("🚰", 32), strings.Repeat("\x00", 128),
}

// A room may have any name, and is none of another name.
func names(t testing.TB, open Open) {
	brokers := open(t, 2)
	recorders := make([]*recorder, len(oddNames))
	for i, room := range oddNames {
		if err := hub.CheckRoom(room); err != nil {
			t.Fatal(err)
		}
		recorders[i] = subscribe(t, brokers[i%2], room)
	}
	for i, room := range oddNames {
		publish(t, brokers[i/2%2], room, "to "+room)
		publish(t, brokers[i/2%2], room, "end")
	}
	for i, room := range oddNames {
		recorders[i].want("to "+room, "end")
	}
}

// Many rooms are as many rooms.
func manyRooms(t testing.TB, open Open) {
	const count = 500
	brokers := open(t, 2)
	recorders := make([]*recorder, count)
	for i := range recorders {
		recorders[i] = subscribe(t, brokers[0], strconv.Itoa(i))
	}
	for i := range recorders {
		publish(t, brokers[1], strconv.Itoa(i), "to "+strconv.Itoa(i))
		publish(t, brokers[1], strconv.Itoa(i), "end")
	}
	for i, r := range recorders {
		r.want("to "+strconv.Itoa(i), "end")
		r.cancel()
	}
}

// A message may be empty or large, and contain any byte.
func sizes(t testing.TB, open Open) {
	brokers := open(t, 2)
	here, there := subscribe(t, brokers[0], "room"), subscribe(t, brokers[1], "room")
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var sent []string
	for _, size := range []int{0, 1, 255, 256, 65535, 65536, 512 << 10, 0, 3} {
		text := strings.Repeat(string(every), size/len(every)+1)[:size]
		publish(t, brokers[0], "room", text)
		sent = append(sent, text)
	}
	for _, r := range []*recorder{here, there} {
		got := r.wait(len(sent))
		for i := range sent {
			if got[i] != sent[i] {
				t.Fatalf("a message of %d bytes came as %d bytes, %.20q... in place of %.20q...", len(sent[i]), len(got[i]), got[i], sent[i])
			}
		}
	}
}

// An error of an ended context is an error: nothing was published, nothing is subscribed.
func endedContexts(t testing.TB, open Open) {
	brokers := open(t, 2)
	ended, end := context.WithCancel(context.Background())
	end()

	r := subscribe(t, brokers[1], "room")
	refused := &recorder{t: t, room: "room", more: make(chan struct{})}
	cancel, subscribeErr := brokers[1].Subscribe(ended, "room", refused)
	if subscribeErr == nil {
		defer cancel()
	} else if !errors.Is(subscribeErr, context.Canceled) {
		t.Errorf("Subscribe with an ended context: %v, want its error", subscribeErr)
	}
	publishErr := brokers[0].Publish(ended, "room", []byte("1"))
	uncertain := errors.Is(publishErr, hub.ErrUncertain)
	if publishErr != nil && !uncertain && !errors.Is(publishErr, context.Canceled) {
		t.Errorf("Publish with an ended context: %v, want its error", publishErr)
	}
	publish(t, brokers[0], "room", "2")

	texts := r.until("the last one", func(texts []string) bool { return len(texts) > 0 && texts[len(texts)-1] == "2" })
	if got := strings.Join(texts, " "); got != "1 2" && (got != "2" || publishErr == nil) || got == "1 2" && publishErr != nil && !uncertain {
		t.Errorf("Publish returned %v, and received was %s", publishErr, got)
	}
	if got := refused.deliveries(); subscribeErr != nil && len(got) > 0 {
		t.Errorf("Subscribe returned %v, and received was %q", subscribeErr, got[0].Data)
	} else if subscribeErr == nil {
		refused.wait(len(texts))
	}
}
