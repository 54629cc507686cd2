package poll

// table has the sockets of a loop by number. A number is used again, so there is a generation with
// it: what the system still reports of a socket that is gone reaches none.
type table struct {
	slots []slot
	free  uint32 // the first free slot, counted from 1
}

type slot struct {
	socket     *Socket
	generation uint32
	next       uint32 // free slot
}

// add gives s a slot, and returns its generation.
func (t *table) add(s *Socket) (generation uint32) {
	if t.free == 0 {
		t.slots = append(t.slots, slot{})
		t.free = uint32(len(t.slots))
	}
	s.slot = t.free - 1
	at := &t.slots[s.slot]
	t.free, at.next, at.socket = at.next, 0, s
	return at.generation
}

func (t *table) remove(s *Socket) {
	at := &t.slots[s.slot]
	*at = slot{generation: at.generation + 1, next: t.free}
	t.free = s.slot + 1
}

// find returns the socket of an event, nil if it is gone.
func (t *table) find(ev *event) *Socket {
	if int(ev.slot) >= len(t.slots) || t.slots[ev.slot].generation != ev.generation {
		return nil
	}
	return t.slots[ev.slot].socket
}
