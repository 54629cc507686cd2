package servers

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/olahol/melody"
)

const melodyModule = "github.com/olahol/melody"

// melodyFilter follows the example of several channels: each session has its rooms among its keys, and a
// message is broadcast to those sessions that a filter lets through.
var melodyFilter = &Library{
	Name:   "melody",
	Module: melodyModule,
	About:  "`BroadcastFilter`, as the example of several channels has it; it asks all sessions",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, _ Setup, t *tls.Config) (func(), error) {
		m := melody.New()
		m.HandleConnect(func(s *melody.Session) { s.Write([]byte(Greeting)) }) // it is registered by then
		m.HandleMessage(func(s *melody.Session, text []byte) {
			room := melodyNames(s)[0]
			m.BroadcastFilter(text, func(other *melody.Session) bool {
				_, in := other.Get(room)
				return in
			})
		})
		return serveMelody(m, ln, t)
	},
}

// melodyMultiple has a list of the sessions in each room.
var melodyMultiple = &Library{
	Name:   "melody-multiple",
	Module: melodyModule,
	About:  "a list of the sessions in each room, and `Session.Write` for each, which is what `BroadcastMultiple` does",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, _ Setup, t *tls.Config) (func(), error) {
		var all rooms[*melody.Session]
		m := melody.New()
		m.HandleConnect(func(s *melody.Session) {
			all.join(melodyNames(s), s, func(s *melody.Session) error { return s.Write([]byte(Greeting)) })
		})
		m.HandleDisconnect(func(s *melody.Session) { all.leave(melodyNames(s), s) })
		m.HandleMessage(func(s *melody.Session, text []byte) {
			all.room(melodyNames(s)[0]).each(func(other *melody.Session) { other.Write(text) })
		})
		return serveMelody(m, ln, t)
	},
}

// serveMelody serves sessions that have the names of their rooms as keys, and their list, too.
func serveMelody(m *melody.Melody, ln net.Listener, t *tls.Config) (func(), error) {
	stop, err := serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names := r.URL.Query()[RoomParameter]
		keys := map[string]any{RoomParameter: names}
		for _, name := range names {
			keys[name] = nil
		}
		m.HandleRequestWithKeys(w, r, keys)
	}))
	return func() {
		stop()
		m.Close()
	}, err
}

// melodyNames returns the names of a session's rooms.
func melodyNames(s *melody.Session) []string { return s.MustGet(RoomParameter).([]string) }
