package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// samples returns texts of every kind that matters to a compressor, 100,000 bytes or fewer each.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(7692, 1951))
	noise := make([]byte, 100_000)
	letters := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
		letters[i] = 'a' + byte(r.IntN(4)*r.IntN(7))
	}
	var records bytes.Buffer
	for i := 0; records.Len() < 99_000; i++ {
		fmt.Fprintf(&records, `{"id":%d,"user":"user-%d","price":%.2f,"open":%t}`+"\n", i, r.IntN(500), r.Float64()*1000, i%3 == 0)
	}
	// Repeats at a distance that is just too far for a window of one size, and not for the next.
	var far []byte
	for bits := minBits; bits <= maxBits; bits++ {
		piece := noise[bits*100:][:100]
		far = append(append(append(far, piece...), noise[:1<<bits-100+2]...), piece...)
	}
	return map[string][]byte{
		"nothing": {},
		"a byte":  {'x'},
		"short":   []byte("Hello, Hello"),
		"zeros":   make([]byte, 100_000),
		"noise":   noise,
		"letters": letters,
		"records": records.Bytes(),
		"far":     far,
	}
}
