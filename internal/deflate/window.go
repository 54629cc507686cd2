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

// slide adds what was sent.
func (w *window) slide(p []byte) {
	left := w.size - len(p) // of what it holds
	if left <= 0 || len(w.b) == 0 {
		w.keep(p)
		return
	}
	if over := len(w.b) - left; over > 0 {
		w.b = w.b[:copy(w.b, w.b[over:])]
	}
	w.b = append(w.b, p...)
}

// keep replaces what the window holds by the last bytes of p.
func (w *window) keep(p []byte) {
	n := min(w.size, len(p))
	if n == 0 {
		return
	}
	if w.b == nil {
		w.b = make([]byte, 0, w.size)
	}
	w.b = append(w.b[:0], p[len(p)-n:]...)
}
