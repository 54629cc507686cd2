package servers

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

// gwsRooms is gwsLibrary, with a list of the connections in each room, since the README has a Broadcaster
// send to a list.
var gwsRooms = &Library{
	Name:   "gws-rooms",
	Module: "github.com/lxzan/gws",
	About:  "`Broadcaster`, for each connection in a list of the room's",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, _ Setup, t *tls.Config) (func(), error) {
		up := gws.NewUpgrader(new(gwsGuests), nil)
		return serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r)
			if err != nil {
				return
			}
			c.Session().Store(RoomParameter, r.URL.Query()[RoomParameter])
			go c.ReadLoop()
		}))
	},
}

type gwsGuests struct {
	gws.BuiltinEventHandler
	rooms rooms[*gws.Conn]
}

// gwsNames returns the names of a connection's rooms.
func gwsNames(c *gws.Conn) []string {
	names, _ := c.Session().Load(RoomParameter)
	return names.([]string)
}

func (g *gwsGuests) OnOpen(c *gws.Conn) {
	g.rooms.join(gwsNames(c), c, func(c *gws.Conn) error { return c.WriteMessage(gws.OpcodeText, []byte(Greeting)) })
}

func (g *gwsGuests) OnClose(c *gws.Conn, _ error) { g.rooms.leave(gwsNames(c), c) }

func (g *gwsGuests) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	g.rooms.room(gwsNames(c)[0]).each(func(c *gws.Conn) { b.Broadcast(c) })
}
