package proto

import "testing"

// A header may arrive one byte at a time.
func TestHeaderCutEverywhere(t *testing.T) {
	for _, h := range []Header{
		{Fin: true, Op: OpText, Length: 5},
		{Fin: true, Op: OpText, Length: 5, Masked: true},
		{Fin: true, Op: OpBinary, Length: 300},
		{Fin: true, Op: OpBinary, Length: 300, Masked: true},
		{Fin: true, Op: OpBinary, Length: 70000},
		{Fin: true, Op: OpBinary, Length: 70000, Masked: true},
	} {
		d := NewDecoder(&Rules{Server: h.Masked})
		wire := AppendHeader(nil, h)
		for i := range wire {
			if ev, _, err := d.Next(wire[i : i+1]); err != nil || ev.Kind != NoEvent {
				t.Fatalf("%+v, byte %d: %v, %v", h, i, ev, err)
			}
		}
		if d.frame.Length != h.Length || !d.inFrame {
			t.Errorf("%+v: decoder is at %+v", h, d.frame)
		}
	}
}
