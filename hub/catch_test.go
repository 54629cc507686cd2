package hub

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// A gap that the room had for a member while that was sent what it had missed is older than what it has by then:
// it gets nothing twice.
func TestGapThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := func(offset uint64) Position { return Position{Epoch: "e", Offset: offset} }
		message := func(offset uint64) *notice {
			return &notice{Envelope: Envelope{Type: Message, Position: at(offset)}, plain: spout.Text(strconv.FormatUint(offset, 10))}
		}
		log, err := new(Memory).OpenLog(t.Context(), History{})
		if err != nil {
			t.Fatal(err)
		}
		var srv spout.Server
		c := spouttest.Dial(t, srv.HandlerFunc(func(c *spout.Conn, _ spout.Message) error {
			catch := catch{member: &member{conn: c, room: &room{log: log}}, at: at(60)}
			for _, n := range []*notice{message(55), {Envelope: Envelope{Type: Gap, Position: at(55)}}, message(56), message(60), message(61)} {
				catch.write(n)
			}
			return catch.err
		}), "/")
		if err := c.Send(spout.Text("go")); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Read(t.Context()); err != nil || m.String() != "61" {
			t.Errorf("after 60 came %s, %v", m, err)
		}
	})
}
