package proto

import (
	"slices"
	"testing"
)

// Whatever the input and however it is cut, the decoder hears what the oracle does, and allocates
// no more than what is under way and a violation.
func FuzzDecoder(f *testing.F) {
	for _, table := range [][]exchange{section51, section52, section54, section55, section551, section57, section81, limits, compressed} {
		for _, e := range table {
			for rules, input := range e.inputs {
				if len(input) < 256 {
					f.Add(input, []byte{1, 3, 0, 2}, rules.Server, uint16(min(rules.Limit, 1<<16-1)), uint8(rules.MaxFragments))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, input, cuts []byte, toServer bool, limit uint16, fragments uint8) {
		var sizes []int
		for _, n := range cuts {
			sizes = append(sizes, int(n))
		}
		for _, deflate := range []bool{false, true} {
			rules := &Rules{Server: toServer, Deflate: deflate, Limit: int64(limit), MaxFragments: int(fragments)}
			want := oracle(rules, input)
			for _, sizes := range [][]int{nil, sizes, singly(len(input))} {
				if got := transcript(rules, input, sizes...); !slices.Equal(got, want) {
					t.Errorf("%+v, %x in pieces of %v:\n got %q\nwant %q", *rules, input, sizes, got, want)
				}
			}
			if n := allocations(rules, input, sizes); n > float64(2+dropped*len(input)) {
				t.Errorf("%+v, %x in pieces of %v: %v allocations", *rules, input, sizes, n)
			}
		}
	})
}
