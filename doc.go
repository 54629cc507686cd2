// Package spout is a WebSocket library (RFC 6455) with one handler per connection on the server,
// and a client that reads in a loop or by callback.
//
// # Server
//
// A [Server] turns handlers into an [http.Handler]; its zero value is ready:
//
//	var srv spout.Server
//	http.Handle("/websocket", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
//		return c.Send(spout.Text("You said: " + m.String()))
//	}))
//
// A handler with state is a struct that embeds [Base] and is made for each connection, before
// the upgrade, by the function given to [Server.Handler]: authentication, path arguments and
// refusals have their place there. Its events come one at a time and in order: OnOpen, then
// messages, pings and pongs, then OnClose exactly once.
//
// [Server.Accept] gives the connection itself, for programs that would rather read in a loop.
//
// For wss, [Server.Listener] is what [http.Server.Serve] is given: idle connections over TLS cost
// no goroutine then. [http.Server.ListenAndServeTLS] works as well, with a goroutine each.
//
// # Client
//
// [Dial] connects. Then either range over [Conn.Messages] or call [Conn.Read], or hand the
// connection to a [Handler] with [Conn.Serve].
//
// # Connections
//
// A [Conn] is the same on both sides. Any goroutine may write to it: [Conn.Write] waits when the
// peer is slow, [Conn.Send] never waits and answers [ErrFull]. The library always reads: pings
// are answered and a dead peer is noticed even if the program only writes. A context bounds the
// caller and never breaks the connection; the timeouts in [Options] bound the peer.
//
// # Events and goroutines
//
// On Linux, the connections of a [Server] over TCP and unix sockets are driven by events (epoll): one
// that is idle holds a few hundred bytes and no goroutine. So are those over TLS with
// [Server.Listener]. Nothing else is different: a handler may block for as long as it likes, other
// connections go on meanwhile. Elsewhere, for clients, and for connections that middleware wraps,
// each has a goroutine that reads. The environment variable SPOUT_ENGINE=goroutine, looked at when the
// process starts, gives one to every connection, to compare or to rule the events out.
//
// # Compression
//
// [Options].Compression turns permessage-deflate (RFC 7692) on, if the peer agrees. With context
// takeover, which is the default, a connection keeps 4 KiB of each direction, and nothing else.
//
// # Limits
//
// Everything that a peer could use up is limited by default; [Options] has all limits in one
// place. Zero means the default, negative means off. Browsers on other sites are refused unless
// [Server.CheckOrigin] allows them; package origin has checks that can't be fooled.
package spout
