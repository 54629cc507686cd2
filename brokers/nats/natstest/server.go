// Package natstest starts real NATS servers for tests: in the process of the test, one ([Start]) or a
// cluster ([StartCluster]), or as a process of its own that can be killed and stopped ([StartProcess]).
// All have JetStream, with their files in a directory of the test, and listen on the loopback interface.
// They end with the test.
package natstest

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience is how long a server or a cluster may take to be ready.
const patience = 30 * time.Second

// Config says what a server is like. The zero Config is one alone on a port that the kernel chooses.
type Config struct {
	Addr string `json:"addr"` // where clients connect, "127.0.0.1:0" by default
	Dir  string `json:"dir"`  // where JetStream keeps its files

	// Of a cluster:
	Name    string   `json:"name"`
	Cluster string   `json:"cluster"` // where the other servers connect
	Routes  []string `json:"routes"`  // where all of them do
}

// Run starts a server in this process and waits until it takes connections. A program that calls it
// without a test calls Shutdown and WaitForShutdown of what is returned.
func Run(c Config) (*server.Server, error) {
	host, port, err := split(c.Addr)
	if err != nil {
		return nil, err
	}
	opts := &server.Options{
		Host: host, Port: port,
		ServerName: c.Name,
		JetStream:  true, StoreDir: c.Dir,
		NoLog: true, NoSigs: true,
		// Little, so that many servers fit into one machine.
		JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 1 << 30,
	}
	if c.Cluster != "" {
		opts.Cluster.Name = "natstest"
		if opts.Cluster.Host, opts.Cluster.Port, err = split(c.Cluster); err != nil {
			return nil, err
		}
		for _, route := range c.Routes {
			opts.Routes = append(opts.Routes, server.RoutesFromStr("nats://"+route)...)
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("natstest: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("natstest: a server on %s was not ready within %v", c.Addr, patience)
	}
	return s, nil
}

// split returns the parts of an address; port 0, as the server's options have it, is -1.
func split(addr string) (host string, port int, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return "", 0, fmt.Errorf("natstest: %w", err)
	}
	if a.Port == 0 {
		a.Port = server.RANDOM_PORT
	}
	return a.IP.String(), a.Port, nil
}

// Server is a NATS server in the process of the test.
type Server struct {
	*server.Server
	URL string // stays the same when it starts again

	t      testing.TB
	config Config
}

// Start starts one server.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, config: Config{Addr: freeAddrs(t, 1)[0], Dir: t.TempDir()}}
	s.URL = "nats://" + s.config.Addr
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server. Its files stay.
func (s *Server) Stop() {
	s.Shutdown()
	s.WaitForShutdown()
}

// Restart starts the server again after Stop, where it was and with its files.
func (s *Server) Restart() {
	s.t.Helper()
	started, err := Run(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Server = started
}

// Dir is where JetStream keeps the server's files.
func (s *Server) Dir() string { return s.config.Dir }

// StartCluster starts n servers that know each other, and waits until streams can be created.
func StartCluster(t testing.TB, n int) []*Server {
	t.Helper()
	addrs := freeAddrs(t, 2*n)
	dir := t.TempDir()
	cluster := make([]*Server, n)
	for i := range cluster {
		name := fmt.Sprintf("n%d", i+1)
		s := &Server{t: t, URL: "nats://" + addrs[i], config: Config{
			Addr: addrs[i], Name: name, Dir: filepath.Join(dir, name), Cluster: addrs[n+i], Routes: addrs[n:],
		}}
		s.Restart()
		t.Cleanup(s.Stop)
		cluster[i] = s
	}
	AwaitCluster(t, cluster)
	return cluster
}

// AwaitCluster waits until those of the servers that run can create streams.
func AwaitCluster(t testing.TB, cluster []*Server) {
	t.Helper()
	running := slices.DeleteFunc(slices.Clone(cluster), func(s *Server) bool { return !s.Running() })
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		leader := slices.ContainsFunc(running, func(s *Server) bool {
			return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) >= len(running)
		})
		current := !slices.ContainsFunc(running, func(s *Server) bool {
			return !s.JetStreamIsCurrent() || s.NumRoutes() == 0
		})
		if leader && current {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("natstest: the cluster of %d was not ready within %v", len(running), patience)
		}
	}
}

// FreeAddrs returns n addresses of the loopback interface whose ports are free.
func FreeAddrs(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		// All stay taken until all are known, so that no two are the same.
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("natstest: %w", err)
		}
		defer ln.Close()
		addrs[i] = ln.Addr().String()
	}
	return addrs, nil
}

func freeAddrs(t testing.TB, n int) []string {
	t.Helper()
	addrs, err := FreeAddrs(n)
	if err != nil {
		t.Fatal(err)
	}
	return addrs
}
