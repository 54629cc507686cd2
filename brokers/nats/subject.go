package natsbroker

import (
	"fmt"
	"strings"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
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

func checkPrefix(prefix string) error {
	if prefix == "" || len(prefix) > 64 || strings.ContainsFunc(prefix, func(r rune) bool { return r > 127 || !wire.IsPlain(byte(r)) }) {
		return fmt.Errorf("natsbroker: Options.Prefix %.80q: want 1 to 64 letters, digits, '-' and '_'", prefix)
	}
	return nil
}
