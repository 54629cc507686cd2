// Package servers has a server of each library that is compared. They echo
// messages, or send each to all their connections. Every library is set up as its own documentation
// advises, and has its defaults otherwise.
package servers

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spoutws/spout/bench/wire"
)

// Role is what a server does with a message.
type Role string

const (
	Echo      Role = "echo"
	Broadcast Role = "broadcast" // sends it to all; greets each connection when that has joined
	Rooms     Role = "rooms"     // sends it to all in a room; greets, too
)

// RoomParameter is the name that rooms have in the URL of a handshake. A connection is in all of them, and
// publishes in the first.
const RoomParameter = "room"

// Greeting is what a server that broadcasts sends to each connection first,
// in a binary message, when it is among those that it sends to.
const Greeting = "joined"

// Setup is what a server is to do.
type Setup struct {
	Role        Role
	TLS         bool
	Compression wire.Mode
	Pause       time.Duration // the handler waits as long before it answers
	NATS        string        // URL of what carries messages between servers with rooms, if there are several
	History     bool          // rooms keep their last messages
	Presence    bool          // who is in a room is known
}

// Library is something that can be compared.
type Library struct {
	Name   string
	Module string // empty where it is made with the standard library alone
	About  string // what is measured, where the name does not say it

	// Whole libraries assemble and check messages, and are what an application would use.
	Whole bool
	// Std tells that the handshake goes through net/http.
	Std bool
	// Pauses tells that Setup.Pause is heeded.
	Pauses bool

	// can returns why a setup has to be left out; nil: nothing has to.
	can func(s Setup) error
	// start begins to serve, with TLS where t is not nil. Stop ends that.
	start func(ln net.Listener, s Setup, t *tls.Config) (stop func(), err error)
}

// All are the libraries, spout first.
var All = []*Library{spoutLibrary, spoutStream, spoutRelease, spoutLevel3, coderLibrary, fasthttpLibrary, gobwasLibrary, gobwasRaw,
	gorillaLibrary, gwsLibrary, nbioLibrary, nbioMixed, floor}

// WithRooms are the libraries with the role Rooms, which have no other, spout first.
var WithRooms = []*Library{spoutHub, gwsRooms, melodyFilter, melodyMultiple}

// Find returns the library of that name.
func Find(name string) (*Library, error) {
	for _, l := range slices.Concat(All, WithRooms) {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no library %q", name)
}

// Can returns nil, or why the library has no server of that setup.
func (l *Library) Can(s Setup) error {
	if s.Pause > 0 && !l.Pauses {
		return errors.New("is not measured with handlers that wait")
	}
	if l.can == nil {
		return nil
	}
	return l.can(s)
}

// Start starts a server on a port of its own.
func (l *Library) Start(s Setup) (addr string, stop func(), err error) {
	if err := l.Can(s); err != nil {
		return "", nil, err
	}
	var t *tls.Config
	if s.TLS {
		if t, err = certificate(); err != nil {
			return "", nil, err
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	stop, err = l.start(ln, s, t)
	if err != nil {
		ln.Close()
		return "", nil, err
	}
	return ln.Addr().String(), stop, nil
}

// Version returns the version of the library that this program is built with.
func (l *Library) Version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == l.Module {
			return m.Version
		}
	}
	return ""
}

// Ours reports whether a library is spout, in whatever way.
func Ours(l *Library) bool { return l.Module == spoutModule }
