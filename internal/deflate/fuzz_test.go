package deflate

import (
	"runtime"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/proto"
)

// Whatever arrives, after whatever history and however it is cut, is what the oracle says it is; and
// what it takes to find out depends on the limit, not on what is announced.
func FuzzInflate(f *testing.F) {
	f.Add(unhex(f, "f248cdc9c90700"), []byte{}, uint8(15), uint16(100), []byte{1, 2})
	f.Add(unhex(f, "f200110000"), []byte("Hello"), uint8(15), uint16(5), []byte{3})
	f.Add(unhex(f, "f348cdc9c9070000"), []byte{}, uint8(0), uint16(4), []byte{6})
	f.Fuzz(func(t *testing.T, payload, history []byte, bits uint8, limit uint16, cuts []byte) {
		dir := Direction{Takeover: bits >= minBits, Bits: int(bits%16) | minBits}
		if limit == 0 {
			payload = payload[:min(len(payload), 500)]
		}
		var sizes []int
		for _, n := range cuts {
			sizes = append(sizes, int(n)+1)
		}
		out, _ := agreeOn(t, dir, payload, history, int64(limit), sizes...)

		d := received(dir, history)
		n := allocated(func() { d.Inflate(payload, int64(limit)) })
		if most := 2*uint64(len(out)) + 300_000; n > most {
			t.Errorf("%.200x: %d bytes allocated for %d, limit %d", payload, n, len(out), limit)
		}
	})
}

// allocated returns how many bytes f allocates, and whoever runs beside it.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever is sent, in whatever way and order, arrives at a peer that keeps exactly what was agreed.
// Two bytes of the script are a message: how it is sent, and its size; the messages follow one another
// in the text, from its start again where it ends.
func FuzzDeflate(f *testing.F) {
	texts := samples()
	for _, name := range []string{"short", "letters", "records", "far"} {
		text := texts[name]
		text = text[:min(len(text), 2000)]
		f.Add(text, []byte{0, 30, 1, 10, 3, 50, 2, 20, 0, 0, 1, 60}, uint8(9), uint8(4), true, uint16(300))
		f.Add(text, []byte{4, 40, 1, 44, 0, 70, 2, 30}, uint8(15), uint8(6), true, uint16(4096))
		f.Add(text, []byte{9, 40, 5, 44, 2, 30, 7, 1}, uint8(15), uint8(9), false, uint16(4096))
	}
	f.Fuzz(func(t *testing.T, text, script []byte, bits, level uint8, takeover bool, limit uint16) {
		dir := Direction{takeover, minBits + int(bits)%(maxBits-minBits+1)}
		p := newPair(dir, 1+int(level)%9, int(limit)%maxWindow)
		total, at := 0, 0
		for i := 0; i+1 < len(script) && i < 24; i += 2 {
			size := min(int(script[i+1])*int(script[i+1]), 40_000-total)
			var m []byte
			for len(m) < size && len(text) > 0 {
				at %= len(text)
				n := min(size-len(m), len(text)-at)
				m = append(m, text[at:at+n]...)
				at += n
			}
			total += len(m)
			if err := p.send(m, int(script[i])%4, 10*int(script[i])); err != nil {
				t.Fatalf("%+v, level %d, message %d, of %d bytes: %v", dir, p.c.kind.Level, i/2, len(m), err)
			}
			if c, d := cap(p.c.window.b), cap(p.d.window.b); c > int(limit)%maxWindow || d > 1<<dir.Bits || !takeover && c+d > 0 {
				t.Fatalf("%+v: %d and %d bytes are kept", dir, c, d)
			}
		}
	})
}

// Whatever is offered, the answer is one that may be given to it; whatever is answered, it is accepted
// if and only if it may be; and no list is work.
func FuzzNegotiate(f *testing.F) {
	for _, offer := range []string{
		"pd", "pd; client_max_window_bits", "pd; server_max_window_bits=10; client_max_window_bits=9",
		"pd; server_no_context_takeover; client_no_context_takeover", "pd; mystery, pd", "pd; client_max_window_bits=08\npd",
		`pd; client_max_window_bits="1\0"`, "foo; bar, pd; client_max_window_bits; client_max_window_bits",
	} {
		f.Add(strings.ReplaceAll(offer, "pd", Name), uint16(4096), uint16(4096))
	}
	f.Fuzz(func(t *testing.T, header string, send, receive uint16) {
		values := strings.Split(header, "\n")
		w := Wish{int(send) % (maxWindow + 1), 0}
		if receive > 0 {
			w.Receive = 1 << windowBits(int(receive))
		}
		if err := checkAnswer(values, w); err != nil {
			t.Errorf("%q, %+v: %v", values, w, err)
		}
		extensions, _ := proto.ParseExtensions(values)
		for _, e := range extensions {
			if err := checkAccept(e, w); err != nil {
				t.Errorf("%+v, %+v: %v", e, w, err)
			}
		}
		if err := mirrored(w, Wish{w.Receive, w.Receive}); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
		items := 0
		for _, e := range extensions {
			items += 1 + len(e.Params)
		}
		if n := testing.AllocsPerRun(1, func() { Answer(extensions, w) }); n > float64(20+2*items) {
			t.Errorf("%q: %v allocations for %d extensions and parameters", values, n, items)
		}
	})
}
