package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
	"testing"
)

// oracle inflates a message. It was written from RFC 1951 and RFC 7692 alone, to be obvious, not
// fast: bit by bit, one code after the other. history is what was received before, window
// how far back a message may refer. The error is nil, ErrCorrupt, or ErrTooBig as soon as there are
// more than limit bytes (0: no limit); with an error, the bytes are those that came before it.
func oracle(payload, history []byte, window int, limit int64) (out []byte, err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case ErrCorrupt, ErrTooBig:
			err = r.(error)
		default:
			panic(r)
		}
	}()

	// RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload".
	input := append(bytes.Clone(payload), 0x00, 0x00, 0xff, 0xff)
	end := 8 * len(payload) // in bits, like at
	at := 0
	inTail := false // whether the tail may be read: only as the length of a block
	bits := func(n int) (v int) {
		for i := range n {
			if at >= end && !inTail || at >= 8*len(input) {
				panic(ErrCorrupt)
			}
			v |= int(input[at/8]>>(at%8)&1) << i
			at++
		}
		return v
	}
	align := func() { at = (at + 7) / 8 * 8 }
	emit := func(c byte) {
		if out = append(out, c); limit > 0 && int64(len(out)) > limit {
			panic(ErrTooBig)
		}
	}
	symbol := func(codes map[int]int) int {
		code := 1
		for range 15 {
			code = code*2 + bits(1)
			if s, ok := codes[code]; ok {
				return s
			}
		}
		panic(ErrCorrupt)
	}

	for {
		final, kind := bits(1), bits(2)
		switch kind {
		case 0: // 3.2.4
			align()
			if inTail = at == end; inTail {
				if n, complement := bits(16), bits(16); n != 0 || complement != 0xffff {
					panic("the tail is wrong")
				}
				return out, nil // the whole tail was taken, and for what it is
			}
			n, complement := bits(16), bits(16)
			if n != complement^0xffff {
				panic(ErrCorrupt)
			}
			for range n {
				emit(byte(bits(8)))
			}
		case 1, 2:
			literals, distances := oracleFixed()
			if kind == 2 {
				literals, distances = oracleDynamic(bits, symbol)
			}
			for {
				s := symbol(literals)
				if s == 256 {
					break
				}
				if s < 256 {
					emit(byte(s))
					continue
				}
				if s > 285 { // 3.2.6: "will never actually occur"
					panic(ErrCorrupt)
				}
				length := oracleLengths[s-257].base + bits(oracleLengths[s-257].extra)
				s = symbol(distances)
				if s > 29 {
					panic(ErrCorrupt)
				}
				distance := oracleDistances[s].base + bits(oracleDistances[s].extra)
				if distance > window || distance > len(history)+len(out) {
					panic(ErrCorrupt)
				}
				for range length {
					if distance <= len(out) {
						emit(out[len(out)-distance])
					} else {
						emit(history[len(history)+len(out)-distance])
					}
				}
			}
		default: // 3.2.3: "reserved (error)"
			panic(ErrCorrupt)
		}
		if final == 1 {
			// RFC 7692, 7.2.1: a final block is padded to a byte boundary, and "the next DEFLATE
			// block follows the padded data if any". It is no end of the output, to which later
			// blocks refer (RFC 1951, 3.2).
			if align(); at == end {
				return out, nil
			}
		}
	}
}

// The tables of RFC 1951, 3.2.5.
type oracleBase struct{ extra, base int }

var oracleLengths = []oracleBase{
	{0, 3}, {0, 4}, {0, 5}, {0, 6}, {0, 7}, {0, 8}, {0, 9}, {0, 10}, {1, 11}, {1, 13}, {1, 15}, {1, 17},
	{2, 19}, {2, 23}, {2, 27}, {2, 31}, {3, 35}, {3, 43}, {3, 51}, {3, 59}, {4, 67}, {4, 83}, {4, 99}, {4, 115},
	{5, 131}, {5, 163}, {5, 195}, {5, 227}, {0, 258},
}

var oracleDistances = []oracleBase{
	{0, 1}, {0, 2}, {0, 3}, {0, 4}, {1, 5}, {1, 7}, {2, 9}, {2, 13}, {3, 17}, {3, 25}, {4, 33}, {4, 49},
	{5, 65}, {5, 97}, {6, 129}, {6, 193}, {7, 257}, {7, 385}, {8, 513}, {8, 769}, {9, 1025}, {9, 1537},
	{10, 2049}, {10, 3073}, {11, 4097}, {11, 6145}, {12, 8193}, {12, 12289}, {13, 16385}, {13, 24577},
}

// oracleCodes returns the symbol of every code, before which stands a 1, from the lengths of all (RFC 1951,
// 3.2.2). The lengths must leave no string of bits without a meaning, and none with two. The
// exception is a lone code of one bit (3.2.7), and no code at all where that is allowed.
func oracleCodes(lengths []int, mayBeEmpty bool) map[int]int {
	codes := map[int]int{}
	code, space := 0, 0
	for n := 1; n <= 15; n++ {
		code *= 2
		for s, length := range lengths {
			if length == n {
				codes[1<<n|code] = s
				code++
				space += 1 << (15 - n)
			}
		}
	}
	lone := len(codes) == 1 && space == 1<<14
	if space != 1<<15 && !lone && !(mayBeEmpty && space == 0) {
		panic(ErrCorrupt)
	}
	return codes
}

// oracleFixed are the codes of RFC 1951, 3.2.6.
var oracleFixed = sync.OnceValues(func() (literals, distances map[int]int) {
	var l, d []int
	for s := range 288 {
		switch {
		case s <= 143:
			l = append(l, 8)
		case s <= 255:
			l = append(l, 9)
		case s <= 279:
			l = append(l, 7)
		default:
			l = append(l, 8)
		}
	}
	for range 32 {
		d = append(d, 5)
	}
	return oracleCodes(l, false), oracleCodes(d, false)
})

// oracleDynamic reads the codes of a block (RFC 1951, 3.2.7).
func oracleDynamic(bits func(int) int, symbol func(map[int]int) int) (literals, distances map[int]int) {
	hlit, hdist, hclen := bits(5)+257, bits(5)+1, bits(4)+4
	if hlit > 286 {
		panic(ErrCorrupt)
	}
	lengths := make([]int, 19)
	for _, s := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:hclen] {
		lengths[s] = bits(3)
	}
	codes := oracleCodes(lengths, false)
	if len(codes) == 1 {
		panic(ErrCorrupt) // the exception is for literals and distances
	}
	var all []int
	for len(all) < hlit+hdist {
		s, value, times := symbol(codes), 0, 1
		switch s {
		default:
			value = s
		case 16:
			if len(all) == 0 {
				panic(ErrCorrupt)
			}
			value, times = all[len(all)-1], 3+bits(2)
		case 17:
			times = 3 + bits(3)
		case 18:
			times = 11 + bits(7)
		}
		for range times {
			all = append(all, value)
		}
	}
	if len(all) > hlit+hdist || all[256] == 0 { // a block ends with symbol 256, so it has a code
		panic(ErrCorrupt)
	}
	return oracleCodes(all[:hlit], false), oracleCodes(all[hlit:], true)
}

// The oracle itself is held against the standard library's inflater, on what that can judge: blocks
// without a final one.
func TestOracle(t *testing.T) {
	dictionary := []byte("the quick brown fox jumps over the lazy dog; ")
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for name, text := range samples() {
			text = text[:min(len(text), 40_000)]
			var b bytes.Buffer
			w, err := flate.NewWriterDict(&b, level, dictionary)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(text)
			w.Flush()
			got, err := oracle(b.Bytes()[:b.Len()-4], dictionary, 1<<15, 0)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("level %d, %s: %v, %d bytes of %d", level, name, err, len(got), len(text))
			}
			std, _ := io.ReadAll(flate.NewReaderDict(&b, dictionary))
			if !bytes.Equal(got, std) {
				t.Errorf("level %d, %s: %d bytes, compress/flate has %d", level, name, len(got), len(std))
			}
		}
	}
}
