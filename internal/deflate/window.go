package deflate

// window is the last bytes of one direction.
type window struct {
	size int // how many are kept; 0: none
	b    []byte
}

func newWindow(d Direction, limit int) window {
	if !d.Takeover {
		return window{}
	}
	return window{size: min(limit, 1<<d.Bits)}
}

// slide adds what was sent or received.
func (w *window) slide(p []byte) {
	if w.size == 0 || len(p) == 0 {
		return
	}
	if w.b == nil {
		w.b = make([]byte, 0, w.size)
	}
	if len(p) >= w.size {
		w.b = append(w.b[:0], p[len(p)-w.size:]...)
		return
	}
	if over := len(w.b) + len(p) - w.size; over > 0 {
		w.b = w.b[:copy(w.b, w.b[over:])]
	}
	w.b = append(w.b, p...)
}

// keep takes the place of what the window held: the last bytes of p.
func (w *window) keep(p []byte) {
	if n := min(w.size, len(p)); n > 0 {
		if w.b == nil {
			w.b = make([]byte, 0, w.size)
		}
		w.b = append(w.b[:0], p[len(p)-n:]...)
	}
}
