package proto

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
)

// headers are the forms of section 5.2 in both directions.
var headers = []struct {
	h   Header
	hex string
}{
	{Header{Op: OpContinuation}, "00 00"},
	{Header{Op: OpText, Length: 1}, "01 01"},
	{Header{Fin: true, Op: OpBinary, Length: 125}, "82 7d"},
	{Header{Fin: true, Op: OpBinary, Length: 126}, "82 7e 007e"},
	{Header{Fin: true, Op: OpBinary, Length: 127}, "82 7e 007f"},
	{Header{Fin: true, Op: OpBinary, Length: 256}, "82 7e 0100"},
	{Header{Fin: true, Op: OpBinary, Length: 65535}, "82 7e ffff"},
	{Header{Fin: true, Op: OpBinary, Length: 65536}, "82 7f 0000000000010000"},
	{Header{Fin: true, Op: OpBinary, Length: math.MaxUint32 + 1}, "82 7f 0000000100000000"},
	{Header{Fin: true, Op: OpBinary, Length: math.MaxInt64}, "82 7f 7fffffffffffffff"},
	{Header{Fin: true, Op: OpBinary, Length: math.MaxUint64}, "82 7f ffffffffffffffff"},
	{Header{Fin: true, Op: OpClose}, "88 00"},
	{Header{Fin: true, Op: OpPing, Length: 5}, "89 05"},
	{Header{Fin: true, Op: OpPong, Length: 125}, "8a 7d"},
	{Header{Fin: true, RSV: 4, Op: OpText}, "c1 00"},
	{Header{Fin: true, RSV: 2, Op: OpText}, "a1 00"},
	{Header{RSV: 1, Op: OpText}, "11 00"},
	{Header{Fin: true, RSV: 7, Op: 15}, "ff 00"},
	{Header{Fin: true, Op: OpText, Masked: true, Key: 0x3d21fa37, Length: 5}, "81 85 37fa213d"},
	{Header{Fin: true, Op: OpText, Masked: true, Key: 1, Length: 300}, "81 fe 012c 01000000"},
	{Header{Fin: true, Op: OpText, Masked: true, Key: 0xff000000, Length: 70000}, "81 ff 0000000000011170 000000ff"},
}

func TestSection52Headers(t *testing.T) {
	for _, c := range headers {
		wire := unhex(c.hex)
		if got := AppendHeader([]byte("before"), c.h); string(got) != "before"+string(wire) {
			t.Errorf("%+v is %x, want %x", c.h, got[len("before"):], wire)
		}
		if n := HeaderSize(wire[0], wire[1]); n != len(wire) || n > MaxHeader {
			t.Errorf("%x: size %d", wire, n)
		}
		var h Header
		if minimal := h.parse(wire); h != c.h || !minimal {
			t.Errorf("%x is %+v, minimal %v, want %+v", wire, h, minimal, c.h)
		}
	}
}

func TestSection52NotMinimal(t *testing.T) {
	for _, s := range []string{
		"82 7e 0000", "82 7e 007d", "82 fe 007d 01020304",
		"82 7f 0000000000000000", "82 7f 000000000000007e", "82 7f 000000000000ffff", "82 ff 000000000000ffff 01020304",
	} {
		var h Header
		if h.parse(unhex(s)) {
			t.Errorf("%s: %+v is taken for minimal", s, h)
		}
	}
}

func TestSection55Control(t *testing.T) {
	for op := range Op(16) {
		if want := op >= 8; op.Control() != want {
			t.Errorf("opcode %d: control frame: %v", op, !want)
		}
	}
}

func TestSection57Examples(t *testing.T) {
	const key = 0x3d21fa37
	all := make([]byte, 65536)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		h       Header
		payload []byte
		hex     string
	}{
		{Header{Fin: true, Op: OpText}, []byte("Hello"), "81 05 48656c6c6f"},
		{Header{Fin: true, Op: OpText, Masked: true, Key: key}, []byte("Hello"), "81 85 37fa213d 7f9f4d5158"},
		{Header{Op: OpText}, []byte("Hel"), "01 03 48656c"},
		{Header{Fin: true, Op: OpContinuation}, []byte("lo"), "80 02 6c6f"},
		{Header{Fin: true, Op: OpPing}, []byte("Hello"), "89 05 48656c6c6f"},
		{Header{Fin: true, Op: OpPong, Masked: true, Key: key}, []byte("Hello"), "8a 85 37fa213d 7f9f4d5158"},
		{Header{Fin: true, Op: OpBinary}, all[:256], fmt.Sprintf("82 7e 0100 %x", all[:256])},
		{Header{Fin: true, Op: OpBinary}, all, fmt.Sprintf("82 7f 0000000000010000 %x", all)},
	} {
		if got := AppendFrame(nil, c.h, c.payload); !bytes.Equal(got, unhex(c.hex)) {
			t.Errorf("%+v: %.40x, want %.40s", c.h, got, c.hex)
		}
	}
}

func TestFrameSize(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		for _, masked := range []bool{false, true} {
			wire := AppendFrame(nil, Header{Masked: masked}, make([]byte, n))
			if got := FrameSize(n, masked); got != len(wire) {
				t.Errorf("FrameSize(%d, %v) = %d, want %d", n, masked, got, len(wire))
			}
		}
	}
}

// A header of any bytes is either not minimal or comes back as it was.
func FuzzHeader(f *testing.F) {
	for _, c := range headers {
		f.Add(unhex(c.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 2 || len(b) < HeaderSize(b[0], b[1]) {
			return
		}
		b = b[:HeaderSize(b[0], b[1])]
		var h Header
		minimal := h.parse(b)
		back := AppendHeader(nil, h)
		if minimal != bytes.Equal(b, back) || !minimal && len(back) >= len(b) {
			t.Errorf("%x, minimal %v, came back as %x", b, minimal, back)
		}
	})
}

// A frame is encoded by the letter, and the decoder gives it back.
func FuzzFrame(f *testing.F) {
	f.Add(byte(fin|OpText), false, uint32(0), []byte("Hello"))
	f.Add(byte(fin|OpText), true, uint32(0x3d21fa37), []byte("Hello"))
	f.Add(byte(fin|OpBinary), true, uint32(0xff), bytes.Repeat([]byte("x"), 126))
	f.Add(byte(OpBinary), false, uint32(0), bytes.Repeat([]byte("x"), 65536))
	f.Add(byte(fin|OpPing), true, uint32(1<<31), []byte{})
	f.Add(byte(fin|rsv1|OpText), true, uint32(0x01020304), []byte("deflated"))
	f.Fuzz(func(t *testing.T, first byte, masked bool, key uint32, payload []byte) {
		h := Header{
			Fin:    first&0x80 != 0,
			RSV:    first >> 4 & 7,
			Op:     Op(first & 15),
			Masked: masked,
			Length: 12345, // must not matter
		}
		var keyBytes []byte
		if masked {
			h.Key = Key(key)
			keyBytes = []byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
		}
		given := bytes.Clone(payload)
		wire := AppendFrame([]byte("before"), h, given)
		if !bytes.Equal(given, payload) {
			t.Fatal("AppendFrame changed the payload")
		}
		wire, found := bytes.CutPrefix(wire, []byte("before"))
		if want := (frame{Op(first), string(payload)}).wire(keyBytes); !found || !bytes.Equal(wire, want) {
			t.Fatalf("encoded as %x, want %x", wire, want)
		}
		if n := FrameSize(len(payload), masked); n != len(wire) {
			t.Errorf("FrameSize is %d, the frame has %d bytes", n, len(wire))
		}
		switch op := Op(first); {
		case op == fin|OpBinary, (op == fin|OpPing || op == fin|OpPong) && len(payload) <= MaxControl:
		default:
			return // FuzzDecoder sees to the others
		}
		d := NewDecoder(&Rules{Server: masked})
		ev, rest, err := d.Next(wire)
		if err != nil || !bytes.Equal(ev.Payload, payload) || len(rest) > 0 || d.InMessage() {
			t.Errorf("decoded as %+v, %v, %d bytes left", ev, err, len(rest))
		}
	})
}

func TestAppendFrameGrowsInPlace(t *testing.T) {
	dst := make([]byte, 0, FrameSize(1000, true))
	payload := []byte(strings.Repeat("x", 1000))
	if n := testing.AllocsPerRun(10, func() {
		AppendFrame(dst, Header{Op: OpBinary, Masked: true, Key: 77}, payload)
	}); n != 0 {
		t.Errorf("%v allocations with enough capacity", n)
	}
}
