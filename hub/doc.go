// Package hub is rooms: what is published in a room, every connection that has joined it receives. On one
// node it needs nothing else; over many nodes a [Broker], such as that of module
// github.com/spoutws/spout/brokers/nats, carries the messages, and the program stays the same.
//
//	type member struct {
//		spout.Base
//		hub        *hub.Hub
//		room, name string
//	}
//
//	func (m *member) OnOpen(c *spout.Conn) error { return m.hub.Join(m.room, c) }
//	func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
//		return m.hub.Publish(c.Context(), m.room, spout.Text(m.name+": "+msg.String()))
//	}
//
// # No silent loss
//
// A member gets every message that Publish has taken, once and in the order of each publisher; or it is told
// that messages may be missing; or it is closed. Publishing encodes a message once, however many receive
// it, and waits for none of them: one that does not keep up is closed with 1013 (Hub.OnSlow changes that).
//
// # History
//
// With Hub.History the last messages of each room are kept. A member that joins where it stood
// (JoinOptions.Since) gets exactly what it missed, in order, and then what follows; or, if not all of it is kept,
// none of it, and is told so. What the broker loses on its way is fetched before anything else is sent.
//
// # Envelopes
//
// Members get messages as they were published. A client that asks for it, as those of package client do, gets
// an [Envelope] instead, which says where it stands, that messages may be missing, who comes and who goes.
//
// # Presence
//
// With Hub.Presence everybody can see who is in a room, over all nodes, each with data of the application's.
package hub
