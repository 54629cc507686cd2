// Package payload makes the messages that the measurements send: of any size,
// never twice the same, and the same in every run.
package payload

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Kind is a kind of message.
type Kind struct {
	Name string
	make func(r *rand.Rand, size int) []byte
}

var (
	JSON  = Kind{"JSON", records} // objects with the same keys and few words in them
	Chat  = Kind{"chat", chat}    // English words, the frequent ones more often
	Noise = Kind{"noise", noise}  // nothing that could be compressed
)

// Series returns n messages of so many bytes each. Together they are what one
// side of a connection sends.
func (k Kind) Series(size, n int) [][]byte {
	r := rand.New(rand.NewPCG(1951, uint64(size)))
	messages := make([][]byte, n)
	for i := range messages {
		messages[i] = k.make(r, size)
	}
	return messages
}

var (
	events  = []string{"order.created", "order.updated", "order.filled", "trade.executed", "quote.changed", "position.closed"}
	symbols = []string{"ACME", "INIT", "GLOBX", "UMBR", "HOOLI", "STARK", "WAYNE", "TYRL"}
	users   = []string{"ada", "grace", "alan", "edsger", "barbara", "donald", "ken", "dennis", "leslie", "tony", "niklaus", "john", "margaret", "radia"}
)

// records returns a small object, an object with a note, or many objects in
// a list, as the size allows. The end of a list may be cut off.
func records(r *rand.Rand, size int) []byte {
	var b strings.Builder
	switch {
	case size < 128:
		fmt.Fprintf(&b, `{"s":%q,"b":%.2f,"a":%.2f,"t":%d,"x":"`, pick(r, symbols), price(r), price(r), moment(r))
	case size < 512:
		b.WriteString(strings.TrimSuffix(record(r), "}") + `,"note":"`)
	default:
		b.WriteString(`{"items":[`)
		for b.Len() < size {
			b.WriteString(record(r) + ",")
		}
		return []byte(b.String()[:size])
	}
	const end = `"}`
	text := b.String() + words(r, size)
	return []byte(text[:max(0, size-len(end))] + end[:min(size, len(end))])
}

func record(r *rand.Rand) string {
	return fmt.Sprintf(`{"id":%d,"type":%q,"symbol":%q,"price":%.2f,"quantity":%d,"user":%q,"time":%d,"active":%t}`,
		r.IntN(1e9), pick(r, events), pick(r, symbols), price(r), r.IntN(1000), pick(r, users), moment(r), r.IntN(2) == 0)
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }
func price(r *rand.Rand) float64              { return 100 + 50*r.Float64() }
func moment(r *rand.Rand) int64               { return 1763800000000 + r.Int64N(1e9) }

func chat(r *rand.Rand, size int) []byte { return []byte(words(r, size)) }

func noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// vocabulary is in the order of frequency.
var vocabulary = strings.Fields(`the of and a to in is you that it he was for on are as with his they I at
	be this have from or one had by word but not what all were we when your can said there use an each which
	she do how their if will up other about out many then them these so some her would make like him into time
	has look two more write go see number no way could people my than first water been call who its now find
	long down day did get come made may part over new sound take only little work know place year live me back
	give most very after thing our just name good sentence think say great where help through much before line
	right too mean old any same tell boy follow came want show also around form three small set put end does
	another well large must big even such because turn here why ask went men read need land different home us
	move try kind hand picture again change off play spell air away animal house point page letter mother answer
	found study still learn should`)

// words returns so many bytes of text.
func words(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(vocabulary[int(35*r.ExpFloat64())%len(vocabulary)])
		b.WriteByte(" .,"[min(2, int(0.3*r.ExpFloat64()))])
	}
	return b.String()[:size]
}
