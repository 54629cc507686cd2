package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spoutws/spout"
)

// What the two processes say to each other, besides the messages that are numbered.
const (
	greeting = "last %d" // the server's first: the client's message that it had last
	tick     = "tick %d" // the server's to all connections, now and then
	numbered = "%d "     // how the client's messages begin
	doClose  = "!close"  // the client's last: the server is to close with closeAsked,
	doFail   = "!fail"   // its handler to fail,
	doPanic  = "!panic"  // or to panic
)

// closeAsked is the code for doClose, closeDone that of a client that closes while answers are on their way.
const (
	closeAsked spout.Code = 4001
	closeDone  spout.Code = 4002
)

// maxSize is the size of the largest message, in bytes.
const maxSize = 200_000

// Messages are cut out of these: one can be compressed, the other can't.
var text, noise = func() (text, noise []byte) {
	words := strings.Fields("the quick brown fox jumps over a lazy dog while seven wizards box with liquor jugs and sphinxes of quartz judge vows")
	r := rand.New(rand.NewPCG(1, 2))
	for len(text) < 4*maxSize {
		text = append(append(text, words[r.IntN(len(words))]...), ' ')
	}
	for len(noise) < 4*maxSize {
		noise = binary.LittleEndian.AppendUint64(noise, r.Uint64())
	}
	return text, noise
}()

// message returns message n of a client, of at most about size bytes: the same each time.
func message(client, n int, typ spout.Type, size int) spout.Message {
	r := rand.New(rand.NewPCG(uint64(client), uint64(n)))
	from := text
	if typ == spout.BinaryMessage && n%3 == 0 {
		from = noise
	}
	at := r.IntN(len(from) - size)
	return spout.Message{Type: typ, Data: append(fmt.Appendf(nil, numbered, n), from[at:at+r.IntN(size)]...)}
}
