package main

import (
	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

// names are the libraries that are compared. All compress at level 1.
var names = []string{"spout", "gws", "coder", "gorilla"}

// libraries are those.
var libraries = func() (list []*servers.Library) {
	for _, name := range names {
		l, err := servers.Find(name)
		if err != nil {
			panic(err)
		}
		list = append(list, l)
	}
	return list
}()

func setup(m wire.Mode) servers.Setup { return servers.Setup{Role: servers.Echo, Compression: m} }

func can(l *servers.Library, m wire.Mode) bool { return l.Can(setup(m)) == nil }

// serveArgument makes this program a server.
const serveArgument = "serve"

// start starts a server in a process of its own.
func start(l *servers.Library, m wire.Mode) (*servers.Process, error) {
	return servers.StartProcess(-1, serveArgument, l.Name, setup(m))
}
