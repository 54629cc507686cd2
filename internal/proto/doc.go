// Package proto is the WebSocket protocol as pure code: RFC 6455 framing, masking, streaming
// UTF-8, close payloads and the grammar of the opening handshake.
//
// It knows no network, goroutine, clock or log: bytes go in, events come out. Server, client,
// tests and tools are thin around it. The two directions share nothing: a [Decoder] reads,
// [AppendFrame] writes, and only the closing handshake, which lives above, joins them.
package proto
