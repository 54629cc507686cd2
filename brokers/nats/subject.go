package natsbroker

import (
	"fmt"
	"strings"
)

// The subjects of a Broker begin with its Prefix; what follows is one of these.
//
//	room.ROOM         messages of a room
//	who.ROOM          who comes to it and goes
//	append.ROOM       messages for the stream of a room with history
//	log.ROOM.EPOCH    the same when they are stored
//	log.ROOM._        up to where somebody has stored
//	node              beats of all nodes
//	ask               questions to all nodes
//	to.NODE.WHAT      answers to one
const (
	kindRoom   = "room"
	kindWho    = "who"
	kindAppend = "append"
	kindLog    = "log"
	kindNode   = "node"
	kindAsk    = "ask"
	kindTo     = "to"
)

const hexDigits = "0123456789ABCDEF"

// token returns the part of a subject that stands for a room: letters, digits, '-' and '_' as they are, any
// other byte as in URLs. So it is never a wildcard, and one token whatever the room's name.
func token(room string) string {
	plain := 0
	for plain < len(room) && isPlain(room[plain]) {
		plain++
	}
	if plain == len(room) {
		return room
	}
	b := make([]byte, plain, len(room)+2*(len(room)-plain))
	copy(b, room)
	for _, c := range []byte(room[plain:]) {
		if isPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func checkPrefix(prefix string) error {
	if prefix == "" || len(prefix) > 64 || strings.ContainsFunc(prefix, func(r rune) bool { return r > 127 || !isPlain(byte(r)) }) {
		return fmt.Errorf("natsbroker: Options.Prefix %.80q: want 1 to 64 letters, digits, '-' and '_'", prefix)
	}
	return nil
}
