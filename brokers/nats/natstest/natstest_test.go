package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// connect returns a connection that ends with the test.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// addStream creates a stream with a message in it.
func addStream(t *testing.T, url string, replicas int) {
	t.Helper()
	js, err := connect(t, url).JetStream(nats.MaxWait(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: replicas}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish("s.1", []byte("kept")); err != nil {
		t.Fatal(err)
	}
}

// wantStream demands that the stream and its message are there. A request while a leader is elected is
// not answered at all.
func wantStream(t *testing.T, url string) {
	t.Helper()
	js, err := connect(t, url).JetStream(nats.MaxWait(200 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		m, err := js.GetLastMsg("S", "s.1")
		if err == nil && string(m.Data) == "kept" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got message %v, error %v", m, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRestart(t *testing.T) {
	s := Start(t)
	addStream(t, s.URL, 1)
	s.Stop()
	s.Restart()
	wantStream(t, s.URL)
}

func TestCluster(t *testing.T) {
	cluster := StartCluster(t, 3)
	addStream(t, cluster[0].URL, 3)
	cluster[0].Stop()
	AwaitCluster(t, cluster)
	wantStream(t, cluster[1].URL)
	cluster[0].Restart()
	AwaitCluster(t, cluster)
}
