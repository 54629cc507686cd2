package e2e

// protocolFaults break what RFC 6455 wants of a server.
var protocolFaults = []fault{
	{"method unchecked", "handshake/", fails, edits{"upgrade.go": {
		"case r.Method != http.MethodGet:", "case false:"}}},
	{"HTTP 1.0 accepted", "handshake/", fails, edits{"upgrade.go": {
		"case r.ProtoMajor != 1 || r.ProtoMinor < 1:", "case false:"}}},
	{"Connection unchecked", "handshake/", fails, edits{"upgrade.go": {
		` || !proto.HasToken(h.Values("Connection"), "upgrade"):`, ":"}}},
	{"Upgrade unchecked", "handshake/", fails, edits{"upgrade.go": {
		`!proto.HasToken(upgrade, "websocket") || `, `len(upgrade) > 9 || `}}},
	{"version unchecked", "handshake/", fails, edits{"upgrade.go": {
		`case len(h.Values("Sec-Websocket-Version")) != 1 || h.Get("Sec-Websocket-Version") != "13":`, "case false:"}}},
	{"version not named", "handshake/", fails, edits{"upgrade.go": {
		`h.Set("Sec-Websocket-Version", "13")`, ""}}},
	{"key unchecked", "handshake/", fails, edits{"upgrade.go": {
		`case len(h.Values("Sec-Websocket-Key")) != 1 || !proto.ValidKey(h.Get("Sec-Websocket-Key")):`, "case false:"}}},
	{"body accepted", "handshake/", fails, edits{"upgrade.go": {
		"case r.ContentLength != 0 || len(r.TransferEncoding) > 0:", "case false:"}}},
	{"subprotocol unasked", "handshake/", fails, edits{"upgrade.go": {
		`if subprotocol != "" {`, "if true {"}}},
	{"wrong accept value", "handshake/", fails, edits{"internal/proto/handshake.go": {
		"sha1.Sum([]byte(key + acceptGUID))", "sha1.Sum([]byte(acceptGUID + key))"}}},
	{"case of tokens", "handshake/", fails, edits{"internal/proto/handshake.go": {
		"if lower(a[i]) != lower(b[i]) {", "if a[i] != b[i] {"}}},

	{"unmasked accepted", "framing/", fails, edits{"internal/proto/rules.go": {
		"case d.rules.Server && !h.Masked:", "case false:"}}},
	{"16-bit length backwards", "framing/", fails, edits{"internal/proto/frame.go": {
		"uint64(binary.BigEndian.Uint16(rest))", "uint64(binary.LittleEndian.Uint16(rest))"}}},
	{"16-bit length sent for 64", "framing/", fails, edits{"internal/proto/frame.go": {
		"case h.Length <= 0xFFFF:", "case h.Length <= 0x10000:"}}},
	{"length taken as signed", "framing/", fails, edits{"internal/proto/rules.go": {
		"case h.Length >= 1<<63:", "case false:",
		"h.Length > uint64(limit-m.size), h.Length > uint64(1<<63-1-m.size):", "int64(h.Length) > limit-m.size:"}}},
	{"mask turned the other way", "framing/", fails, edits{"internal/proto/mask.go": {
		"bits.RotateLeft32(uint32(k), -8)", "bits.RotateLeft32(uint32(k), 8)"}}},
	{"mask begun again", "framing/", fails, edits{"internal/proto/progress.go": {
		"s.frame.Key = s.frame.Key.Mask(payload)", "s.frame.Key.Mask(payload)"}}},
	{"part of a frame delivered", "framing/", fails, edits{"internal/proto/progress.go": {
		"s.frame.Fin && !s.entered,", "s.frame.Fin,"}}},
	{"split header lost", "framing/", fails, edits{"internal/proto/progress.go": {
		"s.splitn += uint8(n)", "s.splitn = uint8(n)"}}},

	{"RSV2 and RSV3 ignored", "reserved/", fails, edits{"internal/proto/rules.go": {
		"case h.RSV != 0 && !d.rules.Deflate:", "case h.RSV&RSV1 != 0 && !d.rules.Deflate:",
		"case h.RSV&^RSV1 != 0, h.RSV != 0", "case h.RSV != 0"}}},
	{"RSV1 ignored without compression", "reserved/", fails, edits{"internal/proto/decode.go": {
		"minimal := h.parse(b)\n", "minimal := h.parse(b)\n\tif !d.rules.Deflate {\n\t\th.RSV &^= RSV1\n\t}\n"}}},
	{"RSV3 ignored", "reserved/", fails, edits{"internal/proto/frame.go": {
		"b[0] >> 4 & 0x7", "b[0] >> 4 & 0x6"}}},
	{"reserved data opcodes accepted", "reserved/", fails, edits{"internal/proto/rules.go": {
		"case h.Op > OpBinary && h.Op < OpClose, h.Op > OpPong:", "case h.Op > OpPong:"}}},
	{"reserved control opcodes accepted", "reserved/", fails, edits{"internal/proto/rules.go": {
		"case h.Op > OpBinary && h.Op < OpClose, h.Op > OpPong:", "case h.Op > OpBinary && h.Op < OpClose:"}}},

	{"continuation first", "fragmentation/", fails, edits{"internal/proto/rules.go": {
		"case h.Op == OpContinuation && m.op == 0:", "case false:"}}},
	{"messages interleaved", "fragmentation/", fails, edits{"internal/proto/rules.go": {
		"case h.Op != OpContinuation && m.op != 0:", "case false:"}}},
	{"FIN ignored", "fragmentation/", fails, edits{"internal/proto/progress.go": {
		"s.frame.Fin && !s.entered,", "!s.entered,"}}},
	{"control frames break messages", "fragmentation/", fails, edits{"internal/proto/progress.go": {
		"if h.Op.Control() {", "if false {"}}},

	{"pong without its data", "pings/", fails, edits{"reader.go": {
		"c.queue().addPong(data)", "c.queue().addPong(nil)"}}},
	{"pings unanswered", "pings/", fails, edits{"reader.go": {
		"c.queue().addPong(data)", ""}}},
	{"pongs cut short", "pings/", fails, edits{"outbox.go": {
		"o.newestn = copy(o.newest[:], data)", "o.newestn = copy(o.newest[:], data) / 2"}}},
	{"large control frames", "pings/", fails, edits{"internal/proto/rules.go": {
		"case h.Length > MaxControl:", "case false:"}}},
	{"fragmented control frames", "pings/", fails, edits{"internal/proto/rules.go": {
		"case !h.Fin:", "case false:"}}},
	{"split control frame too long", "pings/", fails, edits{"internal/proto/progress.go": {
		"payload = s.kept()", "payload = s.kept()[:MaxControl]"}}},

	{"UTF-8 of a whole message unchecked", "utf8/", fails, edits{"internal/proto/decode.go": {
		"if ev.Op == OpText && !ev.Compressed {", "if false {"}}},
	{"UTF-8 of pieces unchecked", "utf8/", fails, edits{"internal/proto/progress.go": {
		"if m.op == OpText && !m.compressed && (", "if false && ("}}},
	{"UTF-8 checked in binary", "utf8/", fails, edits{"internal/proto/decode.go": {
		"if ev.Op == OpText && !ev.Compressed {", "if !ev.Compressed {"}}},
	{"cut character at the end", "utf8/", fails, edits{"internal/proto/decode.go": {
		" || !text.Complete()", ""}}},
	{"cut character at the end of fragments", "utf8/", fails, edits{"internal/proto/progress.go": {
		" || e.End && !m.text.Complete())", ")"}}},
	{"character ends with its fragment", "utf8/", fails, edits{"internal/proto/progress.go": {
		"s.message.size += int64(h.Length)", "s.message.size += int64(h.Length)\n\ts.message.text = UTF8{}"}}},
	{"split surrogates", "utf8/", fails, edits{"internal/proto/utf8.go": {
		"step(afterED, 0x80, 0x9F,", "step(afterED, 0x80, 0xBF,"}}},
	{"split overlong of three", "utf8/", fails, edits{"internal/proto/utf8.go": {
		"step(afterE0, 0xA0,", "step(afterE0, 0x80,"}}},
	{"split overlong of four", "utf8/", fails, edits{"internal/proto/utf8.go": {
		"step(afterF0, 0x90,", "step(afterF0, 0x80,"}}},
	{"split beyond U+10FFFF", "utf8/", fails, edits{"internal/proto/utf8.go": {
		"step(afterF4, 0x80, 0x8F,", "step(afterF4, 0x80, 0xBF,"}}},

	{"close code unchecked", "close/", fails, edits{"internal/proto/close.go": {
		"if !ValidCode(code) {", "if false {"}}},
	{"close reason unchecked", "close/", fails, edits{"internal/proto/close.go": {
		"if !utf8.Valid(reason) {", "if !utf8.Valid(nil) {"}}},
	{"1005 sent", "close/", fails, edits{"close.go": {
		"if code == CloseNoStatus {", "if false {"}}},
	{"close frame unanswered", "close/", fails, edits{"close.go": {
		`c.sendClose(code, "")`, ""}}},
	{"connection left open", "close/", fails, edits{"finish.go": {
		"!c.client() && !c.stream.closeWrite()", "false",
		"c.stream.close()", ""}}},

	{"64-bit length cut to 32", "limits/", fails, edits{"internal/proto/decode.go": {
		"if v := d.check(&h, minimal); v != nil {", "h.Length = uint64(uint32(h.Length))\n\tif v := d.check(&h, minimal); v != nil {"}}},
	{"64-bit length sent cut to 16", "limits/", fails, edits{"internal/proto/frame.go": {
		"binary.BigEndian.AppendUint64(dst, h.Length)", "binary.BigEndian.AppendUint64(dst, uint64(uint16(h.Length)))"}}},
}
