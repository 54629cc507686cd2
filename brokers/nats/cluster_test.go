package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
)

// Each server of a cluster in turn ends and comes back, with nodes at all of them that publish. What was
// acknowledged came, or it was told that it may be missing; with history it came.
func TestClusterRestarts(t *testing.T) {
	cluster := natstest.StartCluster(t, 3)
	var nodes []*Broker
	for _, b := range openAll(t, 3, cluster, Options{Replicas: 3}) {
		nodes = append(nodes, b.(*Broker))
	}
	var logs []hub.Log
	var listeners []*listener
	var followers []*follower
	for _, b := range nodes {
		l := openLog(t, b, hub.History{Size: 10000})
		logs = append(logs, l)
		listeners = append(listeners, listen(t, b, "room"))
		followers = append(followers, follow(t, l, "room"))
	}

	stop := make(chan struct{})
	var all sync.WaitGroup
	sent := make([][]int, len(nodes))
	for n, b := range nodes {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				if publish(b, "room", fmt.Sprintf("%d/%d", n, i)) == nil {
					sent[n] = append(sent[n], i)
				}
			}
		})
	}
	appended := make([][]string, len(nodes))
	for n, l := range logs {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				text := fmt.Sprintf("%d/%d", n, i)
				if err := appendTo(l, "room", text); err == nil {
					appended[n] = append(appended[n], text)
				} else if !errors.Is(err, hub.ErrUncertain) {
					t.Logf("appending: %v", err)
				}
			}
		})
	}
	for _, s := range cluster {
		s.Stop()
		natstest.AwaitCluster(t, cluster)
		s.Restart()
		natstest.AwaitCluster(t, cluster)
	}
	close(stop)
	all.Wait()

	for n, b := range nodes {
		end := "end/" + strconv.Itoa(n)
		keepPublishing(t, b, "room", end)
		if err := appendTo(logs[n], "room", end); err != nil {
			t.Fatal(err)
		}
		appended[n] = append(appended[n], end)
	}
	for to, l := range listeners {
		for from := range nodes {
			await(t, fmt.Sprintf("what node %d published, at node %d", from, to), func() error {
				if missing := unannounced(l.all(), from, sent[from]); len(missing) > 0 {
					return fmt.Errorf("%v did not come, and that was not told", missing)
				}
				return nil
			})
			t.Logf("node %d to node %d: %d published, %d came", from, to, len(sent[from]), came(l.all(), from))
		}
	}
	for to, f := range followers {
		t.Logf("node %d: %d, %d, %d appended", to, len(appended[0]), len(appended[1]), len(appended[2]))
		await(t, "following", func() error {
			got, _ := f.state()
			seen := make(map[string]bool, len(got))
			for _, text := range got {
				seen[text] = true
			}
			for from := range nodes {
				for _, text := range appended[from] {
					if !seen[text] {
						return fmt.Errorf("%s is missing", text)
					}
				}
			}
			return nil
		})
		got, gaps := f.state()
		times := map[string]int{}
		for _, text := range got {
			if times[text]++; times[text] > 1 {
				t.Errorf("node %d: %s came %d times", to, text, times[text])
			}
		}
		if gaps > 0 {
			t.Errorf("node %d: %d gaps", to, gaps)
		}
	}
	for _, b := range nodes {
		awaitHealth(t, b, true)
	}
}

func came(got []string, from int) (n int) {
	for _, text := range got {
		var f, i int
		if _, err := fmt.Sscanf(text, "%d/%d", &f, &i); err == nil && f == from {
			n++
		}
	}
	return n
}

// unannounced returns which of a node's messages are missing without a gap being told between the
// ones around them.
func unannounced(got []string, from int, sent []int) (missing []int) {
	at := map[int]int{} // where a message of the node came
	last := -1
	var gaps []int
	for where, text := range got {
		var f, i int
		if text == "lost" {
			gaps = append(gaps, where)
		} else if _, err := fmt.Sscanf(text, "%d/%d", &f, &i); err == nil && f == from {
			at[i] = where
			last = max(last, i)
		}
	}
	before := -1
	for k, i := range sent {
		if where, ok := at[i]; ok {
			before = where
			continue
		}
		after := len(got)
		for _, j := range sent[k+1:] {
			if where, ok := at[j]; ok {
				after = where
				break
			}
		}
		if !slices.ContainsFunc(gaps, func(g int) bool { return before < g && g < after }) {
			missing = append(missing, i)
		}
	}
	return missing
}

// What was stored but was not passed on is noticed by a node of another server.
func TestClusterMarks(t *testing.T) {
	cluster := natstest.StartCluster(t, 3)
	brokers := openAll(t, 2, cluster, Options{Replicas: 3})
	a, b := brokers[0].(*Broker), brokers[1].(*Broker)
	l := listen(t, b, "room")
	logA, logB := openLog(t, a, hub.History{}).(*historyLog), openLog(t, b, hub.History{})
	f := follow(t, logB, "room")
	if err := errors.Join(publish(a, "room", "1"), appendTo(logA, "room", "1")); err != nil {
		t.Fatal(err)
	}
	l.await("the first message", has("1"))
	f.wantAll([]string{"1"})

	// As if one more had been published, and lost between the servers.
	s := a.senders.lock(a.subject(kindRoom, "room"))
	s.advance()
	s.mu.Unlock()
	l.await("the news of a gap", has("lost"))

	// As if the second had been stored, and the leader had died before it passed it on.
	r := b.rooms.get("log.room")
	hidden := make(chan struct{})
	b.inbox.doAt(r.worker, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sub.Unsubscribe()
		sub, err := b.link.ChanSubscribe(b.subject(kindLog, "room", markToken), b.inbox.arrived)
		if err != nil {
			t.Error(err)
		}
		r.sub = sub
		close(hidden)
	})
	<-hidden
	if err := b.syncs.wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := appendTo(logA, "room", "2"); err != nil {
		t.Fatal(err)
	}
	f.wantAll([]string{"1", "2"})
}

// Between servers messages can get lost that no connection of a client tells of. Beats that are missing do.
func TestClusterBeats(t *testing.T) {
	cluster := natstest.StartCluster(t, 3)
	brokers := openAll(t, 2, cluster, Options{})
	a, b := brokers[0].(*Broker), brokers[1].(*Broker)
	await(t, "some beats", func() error {
		b.nodes.mu.Lock()
		defer b.nodes.mu.Unlock()
		if other := b.nodes.known[a.nodes.self]; other == nil || other.number <= firstBeats {
			return fmt.Errorf("node a is %+v", other)
		}
		return nil
	})
	for what, happens := range map[string]func(){
		"beats were lost": func() {
			a.nodes.mu.Lock()
			defer a.nodes.mu.Unlock()
			a.nodes.number += 2
		},
		"a node was taken for dead": func() {
			b.nodes.mu.Lock()
			defer b.nodes.mu.Unlock()
			delete(b.nodes.known, a.nodes.self)
		},
	} {
		l := listen(t, b, "room of "+what)
		happens()
		l.await(what, has("lost"))
	}
}
