package e2e

// deflateFaults break what RFC 7692 wants of a server, and what a bomb must not cost.
var deflateFaults = []fault{
	{"repeated parameter accepted", `negotiation/(declined|next)-.*-(twice|both)$`, fails, edits{"internal/deflate/negotiate.go": {
		"if seen[x.Name] {", "if false {"}}},
	{"unknown parameter accepted", `negotiation/(declined|next)-(unknown|misspelt)`, fails, edits{"internal/deflate/negotiate.go": {
		"default:\n\t\t\tok = false", "default:\n\t\t\tok = true"}}},
	{"bits out of range accepted", `negotiation/(declined|next)-.*-bits-(7|16|0)$`, fails, edits{"internal/deflate/negotiate.go": {
		"minBits <= n && n <= maxBits && s", "0 <= n && n <= 16 && s"}}},
	{"bits in another form accepted", `negotiation/(declined|next)-.*-bits-(08|015|plus)$`, fails, edits{"internal/deflate/negotiate.go": {
		" && s == strconv.Itoa(n)", ""}}},
	{"bits without a value accepted", `negotiation/(declined|next)-server-bits-none$`, fails, edits{"internal/deflate/negotiate.go": {
		"p.serverBits, ok = parseBits(x.Value)", "if x.HasValue {\n\t\t\t\tp.serverBits, ok = parseBits(x.Value)\n\t\t\t}"}}},
	{"value of a flag accepted", `negotiation/(declined|next)-.*-takeover-(value|true)$`, fails, edits{"internal/deflate/negotiate.go": {
		"ok := !x.HasValue", "ok := true"}}},
	{"other extension accepted", `negotiation/(similar-name|flood-names)`, fails, edits{"internal/deflate/negotiate.go": {
		"if e.Name != Name {\n\t\t\tcontinue", "if !strings.HasPrefix(e.Name, Name) {\n\t\t\tcontinue"}}},
	{"end of a malformed offer ignored", `negotiation/malformed-`, fails, edits{"internal/proto/extension.go": {
		"return Extension{}, errParamStart", "return e, nil"}}},
	{"next offer not tried", `negotiation/next-`, lenient, edits{"internal/deflate/negotiate.go": {
		"return t, header, true\n\t\t}", "return t, header, true\n\t\t}\n\t\tbreak"}}},
	{"client_max_window_bits unasked", `negotiation/(plain|server-takeover|server-bits-15)$`, fails, edits{"internal/deflate/negotiate.go": {
		"offered := p.clientBits > 0 || p.clientBitsOpen", "offered := true"}}},
	{"client_max_window_bits above the offer", `negotiation/(client-bits-[89]|small-both)$`, fails, edits{"internal/deflate/negotiate.go": {
		"t.Receive.Bits = min(t.Receive.Bits, want)", "t.Receive.Bits = want"}}},
	{"server_max_window_bits not answered", `negotiation/(server-bits-|small-both)`, fails, edits{"internal/deflate/negotiate.go": {
		`b = fmt.Appendf(b, "; server_max_window_bits=%d", p.serverBits)`, ""}}},
	{"server_no_context_takeover not answered", `negotiation/(server-takeover|both-takeovers|all-params)`, fails, edits{"internal/deflate/negotiate.go": {
		"if !t.Send.Takeover {", "if false {"}}},

	{"compressor with the full window", `deflate/server-window-`, fails, edits{"internal/deflate/compress.go": {
		"kind: Kind{level, d.Bits}", "kind: Kind{level, maxBits}"}}},
	{"compressor with twice the window", `deflate/server-window-`, fails, edits{"internal/deflate/compress.go": {
		"flate.NewWriterWindow(w, 1<<k.Bits)", "flate.NewWriterWindow(w, 2<<k.Bits)"}}},
	{"server_no_context_takeover ignored", `deflate/takeover-(client|none)-`, fails, edits{"internal/deflate/negotiate.go": {
		"Takeover: w.Send > 0 && !p.serverNoTakeover", "Takeover: w.Send > 0",
		"if !t.Send.Takeover {", "if p.serverNoTakeover {"}}},
	{"context of the client forgotten", `deflate/(takeover-(both|client)-|example-window)`, fails, edits{"internal/deflate/inflate.go": {
		"d.window.keep(z.buf[:z.w])", ""}}},
	{"window of the client one byte too small", `deflate/(takeover-oldest|client-window-)`, fails, edits{"internal/deflate/inflate.go": {
		"newWindow(d, maxWindow)", "newWindow(d, 1<<d.Bits-1)"}}},
	{"window halved where the buffer slides", `deflate/client-window-long$`, fails, edits{"internal/deflate/inflater.go": {
		"copy(z.buf[:maxWindow], z.buf[z.w-maxWindow:z.w])", "copy(z.buf[:maxWindow/2], z.buf[z.w-maxWindow/2:z.w])"}}},
	{"uncompressed messages enter the window", `deflate/(server-window|between)-`, fails, edits{"compression.go": {
		"if f.header.RSV != 0 {", "if true {"}}},
	{"compressor shared with other connections", `deflate/(text|binary)-`, fails, edits{"internal/deflate/compress.go": {
		"w.ResetDict(w, history)", "_ = history",
		"w.ResetDict(w, nil) // it would keep history", ""}}},
	{"window shared with other connections", `deflate/bad-distance-(1|too-far)$`, fails, edits{"internal/deflate/inflater.go": {
		"z.w = copy(z.buf[:], history)", "if z.w = copy(z.buf[:], history); z.w == 0 {\n\t\tz.w = 1024\n\t}"}}},
	{"tail not taken away", `deflate/(text|binary)-1000`, fails, edits{"internal/deflate/compress.go": {
		"if last {", "if false {"}}},
	{"tail not appended", `deflate/example-`, fails, edits{"internal/deflate/inflater.go": {
		"return z.short(z.n == 0)", "return z.short(false)"}}},
	{"RSV1 not set", `deflate/(text|binary)-1000`, fails, edits{"compression.go": {
		"f.header.RSV, f.payload, f.pooled = proto.RSV1, payload, true", "f.payload, f.pooled = payload, true"}}},
	{"RSV1 set on what is not compressed", `deflate/noise-`, fails, edits{"compression.go": {
		"putBuffer(payload)\n\t\treturn f", "putBuffer(payload)\n\t\tf.header.RSV = proto.RSV1\n\t\treturn f"}}},

	{"RSV1 accepted on continuations", `deflate/bits-continuation`, fails, edits{"internal/proto/rules.go": {
		"h.RSV != 0 && h.Op != OpText && h.Op != OpBinary:", "h.RSV != 0 && h.Op.Control():"}}},
	{"RSV1 accepted on control frames", `deflate/bits-(ping|pong|close)`, fails, edits{"internal/proto/rules.go": {
		"h.RSV != 0 && h.Op != OpText && h.Op != OpBinary:", "h.RSV != 0 && h.Op == OpContinuation:"}}},
	{"RSV2 and RSV3 accepted beside compression", `deflate/bits-rsv`, fails, edits{"internal/proto/rules.go": {
		"case h.RSV&^RSV1 != 0, h.RSV != 0 &&", "case h.RSV&RSV1 != 0 &&"}}},
	{"fragments not inflated", `deflate/fragments-`, fails, edits{"internal/proto/progress.go": {
		"compressed: h.RSV&RSV1 != 0}", "compressed: h.RSV&RSV1 != 0 && h.Fin}"}}},
	{"compression ends with a control frame", `deflate/between-fragments`, fails, edits{"internal/proto/progress.go": {
		"if s.frame.Op.Control() {\n", "if s.frame.Op.Control() {\n\t\ts.message.compressed = false\n"}}},
	{"final block ends the message", `deflate/final-`, fails, edits{"internal/deflate/inflater.go": {
		"if z.final {\n\t\tz.take(z.n % 8)\n\t}", "if z.final {\n\t\treturn io.EOF\n\t}"}}},
	{"final block not padded", `deflate/final-`, fails, edits{"internal/deflate/inflater.go": {
		"if z.final {\n\t\tz.take(z.n % 8)\n\t}", ""}}},
	{"empty message refused", `deflate/(text-0|binary-0|example-empty|between-nothing)$`, fails, edits{"internal/deflate/inflate.go": {
		"if err != nil && err != io.EOF {", "if err != nil && err != io.EOF || size == 0 {"}}},
	{"match not repeated", `deflate/blocks-match-`, fails, edits{"internal/deflate/inflater.go": {
		"copy(z.buf[w:end], z.buf[from:w])", "copy(z.buf[w:end], z.buf[from:end])"}}},
	{"reserved block accepted", `deflate/bad-reserved-type`, fails, edits{"internal/deflate/inflater.go": {
		"default:\n\t\treturn ErrCorrupt", "default:\n\t\treturn nil"}}},
	{"length of a stored block unchecked", `deflate/bad-stored-length`, fails, edits{"internal/deflate/inflater.go": {
		"if n != complement^0xffff {", "if complement < 0 {"}}},
	{"incomplete code accepted", `deflate/bad-dynamic-`, fails, edits{"internal/deflate/inflater.go": {
		"literals != complete && literals != lone || distances == broken", "false && literals+distances == 0"}}},
	{"truncated message delivered", `deflate/truncated-`, fails, edits{"internal/deflate/inflater.go": {
		"err = z.short(false)", "err = z.short(true)"}}},
	{"failure of inflating ignored", `deflate/(bad|truncated)-`, fails, edits{"inflate.go": {
		"if err != nil {\n\t\tc.violated", "if err == deflate.ErrTooBig {\n\t\tc.violated"}}},
	{"UTF-8 unchecked where inflated", `deflate/utf8-`, fails, edits{"inflate.go": {
		"if err == nil && m.Type == TextMessage {", "if false {"}}},
	{"UTF-8 checked where compressed", `deflate/utf8-wire`, fails, edits{"internal/proto/decode.go": {
		"ev.Op == OpText && !ev.Compressed {", "ev.Op == OpText {"}}},
	{"limit counts compressed bytes", `deflate/limit-same-2MiB$`, fails, edits{"inflate.go": {
		"c.compression.in.Inflate(m.Data, c.cfg.rules.Limit)", "c.compression.in.Inflate(m.Data, 0)"}}},

	{"limit held against the whole", `bombs/(binary|text|fragments)$`, costs, edits{"internal/deflate/inflate.go": {
		"if size += len(part); limit > 0 && int64(size) > limit {", "if size += len(part); err == io.EOF && limit > 0 && int64(size) > limit {"}}},
	{"inflaters not shared", `bombs/empty-messages$`, costs, edits{"internal/deflate/inflate.go": {
		"inflaters.Put(z)", ""}}},
	{"limit closes without its code", `bombs/(binary|later)$`, lenient, edits{"inflate.go": {
		"v.Code = proto.CodeTooBig", "v.Code = proto.CodePolicy"}}},
}
