package load

import (
	"time"

	"github.com/spoutws/spout/bench/wire"
)

// idle is connections that have echoed a message, and one whose frame came in two pieces, and then are quiet.
type idle struct{ clients []*wire.Client }

func newIdle(j Job) (runner, error) {
	clients, x, err := dial(j)
	i := &idle{clients}
	if err == nil {
		err = i.split(wire.Frame(j.Text, x.first[0]), x.first[0])
	}
	if err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// split sends the first bytes of a frame to all, and then the others.
func (i *idle) split(frame, message []byte) error {
	for _, c := range i.clients {
		if _, err := c.Conn.Write(frame[:len(frame)/2]); err != nil {
			return err
		}
	}
	inf := wire.NewInflater()
	for _, c := range i.clients {
		if err := c.Echo(frame[len(frame)/2:], message, inf); err != nil {
			return err
		}
	}
	return nil
}

func (i *idle) close() { wire.CloseAll(i.clients) }

func (i *idle) run(d time.Duration) (Result, error) {
	time.Sleep(d)
	return Result{}, nil
}
