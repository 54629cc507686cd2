package load

import (
	"os"
	"testing"
	"time"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
	"github.com/spoutws/spout/internal/testenv"
)

const (
	serveArgument = "serve"
	loadArgument  = "load"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		child := map[string]func() error{
			serveArgument: func() error { return servers.RunProcess(os.Stdin, os.Stdout) },
			loadArgument:  func() error { return RunProcess(os.Stdin, os.Stdout) },
		}[os.Args[1]]
		if child != nil {
			if err := child(); err != nil {
				panic(err)
			}
			return
		}
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each child takes a second to end
	testenv.Main(m)
}

// TestJobs holds that jobs of all kinds do something, and see all that comes back.
func TestJobs(t *testing.T) {
	echo := servers.Setup{Role: servers.Echo}
	compressed := servers.Setup{Role: servers.Echo, Compression: wire.Both}
	secure := servers.Setup{Role: servers.Echo, TLS: true}
	for _, x := range []struct {
		name    string
		library string
		job     Job
	}{
		{"busy", "spout", Job{Kind: Busy, Setup: echo, Conns: 3, Size: 128}},
		{"floor", "floor", Job{Kind: Busy, Setup: echo, Conns: 3, Size: 128}},
		{"text", "spout", Job{Kind: Busy, Setup: echo, Conns: 3, Size: 1000, Text: true}},
		{"pipelined", "gorilla", Job{Kind: Busy, Setup: echo, Conns: 3, Size: 128, Depth: 16}},
		{"large", "spout", Job{Kind: Busy, Setup: echo, Conns: 2, Size: 1 << 20}},
		{"large, streamed", "spout-stream", Job{Kind: Busy, Setup: echo, Conns: 2, Size: 1 << 20}},
		{"large, released", "spout-release", Job{Kind: Busy, Setup: echo, Conns: 2, Size: 1 << 20}},
		{"large, floor", "floor", Job{Kind: Busy, Setup: echo, Conns: 2, Size: 1 << 20}},
		{"compressed", "spout", Job{Kind: Busy, Setup: compressed, Conns: 3, Size: 4 << 10}},
		{"wss", "gorilla", Job{Kind: Busy, Setup: secure, Conns: 3, Size: 128}},
		{"broadcast", "spout", Job{Kind: Busy, Setup: servers.Setup{Role: servers.Broadcast}, Conns: 30, Size: 256}},
		{"a room", "spout-hub", Job{Kind: Busy, Setup: servers.Setup{Role: servers.Rooms}, Conns: 30, Size: 256, Text: true, Members: 30, Rooms: 1}},
		{"rooms", "gws-rooms", Job{Kind: Busy, Setup: servers.Setup{Role: servers.Rooms}, Conns: 30, Size: 256, Text: true, Members: 6, Rooms: 3}},
		{"handshakes", "spout", Job{Kind: Handshakes, Setup: echo, Conns: 2}},
		{"idle", "spout", Job{Kind: Idle, Setup: echo, Conns: 3, Size: 128}},
		{"idle wss", "spout", Job{Kind: Idle, Setup: secure, Conns: 3, Size: 128}},
	} {
		t.Run(x.name, func(t *testing.T) {
			server, err := servers.StartProcess(-1, serveArgument, x.library, x.job.Setup)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Stop()
			client, err := StartProcess(-1, loadArgument)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Stop()
			x.job.Addrs = []string{server.Addr}
			if err := client.Connect(x.job); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				r, err := client.Run(20 * time.Millisecond)
				if err != nil {
					t.Fatal(err)
				}
				if x.job.Kind == Idle {
					continue
				}
				if r.Messages == 0 || r.Elapsed <= 0 || r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.P999 {
					t.Errorf("%+v", r)
				}
				if per := r.Wire / int64(r.Messages); x.job.Kind == Busy && !x.job.Setup.Compression.Compressed() && per < int64(x.job.Size) {
					t.Errorf("%d bytes for a message of %d", per, x.job.Size)
				}
				if x.job.Setup.Role != servers.Echo && r.Messages%x.job.Conns != 0 {
					t.Errorf("%d messages to %d members", r.Messages, x.job.Conns)
				}
			}
		})
	}
}

// TestRefused holds that a client tells what is wrong.
func TestRefused(t *testing.T) {
	j := Job{Kind: Busy, Setup: servers.Setup{Role: servers.Echo, Compression: wire.Both}, Conns: 2, Size: 1 << 10}
	l, err := servers.Find("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := l.Start(servers.Setup{Role: servers.Echo})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	j.Addrs = []string{addr}
	if _, err := j.connect(); err == nil {
		t.Error("a server that does not compress passes for one that does")
	}
	j.Setup = servers.Setup{Role: servers.Broadcast}
	j.Addrs = []string{"127.0.0.1:1"}
	if _, err := j.connect(); err == nil {
		t.Error("connected to nobody")
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := 1; i <= 100_000; i++ {
		h.add(time.Duration(i) * time.Microsecond)
	}
	for share, want := range map[float64]time.Duration{0: time.Microsecond, 0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 0.999: 99900 * time.Microsecond} {
		if got := h.quantile(share); got < want*98/100 || got > want*102/100 {
			t.Errorf("quantile %v is %v, want %v", share, got, want)
		}
	}
	for _, d := range []time.Duration{0, 1, 63, 64, 65, 127, 128, time.Hour, 1<<63 - 1} {
		if got := middle(bucket(uint64(max(d, 1)))); got < max(d, 1)/100*98 || got-d > d/50+1 {
			t.Errorf("%v is counted as %v", d, got)
		}
	}
}
