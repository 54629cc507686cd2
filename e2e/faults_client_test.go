package e2e

// clientFaults break what both RFCs want of a client, or take away what protects it from its server.
var clientFaults = []fault{
	{"key used again", `request/key-random$`, fails, edits{"handshake.go": {
		`"crypto/rand"`, "", "rand.Read(nonce[:])", ""}}},
	{"accept value unchecked", `refusals/accept-`, fails, edits{"handshake.go": {
		"len(accept) != 1 || accept[0] != proto.AcceptKey(hs.key)", "len(accept) != 1"}}},
	{"accept value in any case", `refusals/accept-case$`, fails, edits{"handshake.go": {
		"accept[0] != proto.AcceptKey(hs.key)", "!strings.EqualFold(accept[0], proto.AcceptKey(hs.key))"}}},
	{"second accept value ignored", `refusals/accept-right-wrong$`, fails, edits{"handshake.go": {
		"len(accept) != 1 || accept[0]", "len(accept) == 0 || accept[0]"}}},
	{"Upgrade of the answer unchecked", `refusals/upgrade-`, fails, edits{"handshake.go": {
		`case len(upgrade) != 1 || strings.Contains(upgrade[0], ",") || !proto.HasToken(upgrade, "websocket"):`, "case len(upgrade) > 9:"}}},
	{"frames with the answer lost", `handshake/early-`, fails, edits{"dial.go": {
		"early = append(early, buf[:n]...)", "_ = n"}}},
	{"subprotocol not offered", `negotiation/subprotocol-`, fails, edits{"handshake.go": {
		"case !slices.Contains(hs.cfg.subprotocols, chosen[0]):", "case false:"}}},
	{"extension not offered", `negotiation/(extension-behind|deflate-two)`, fails, edits{"compression.go": {
		"case len(extensions) != 1:", "case len(extensions) == 0:"}}},
	{"malformed answer accepted", `negotiation/malformed-behind$`, fails, edits{"compression.go": {
		"case err != nil:\n\t\treturn false, t, fmt.Errorf(\"Sec-WebSocket-Extensions of the answer is", "case err != nil && len(extensions) == 0:\n\t\treturn false, t, fmt.Errorf(\"Sec-WebSocket-Extensions of the answer is"}}},
	{"answer with an unknown parameter", `negotiation/deflate-unknown`, fails, edits{"internal/deflate/negotiate.go": {
		"default:\n\t\t\tok = false", "default:\n\t\t\tok = true"}}},
	{"answer about bits without a value", `negotiation/deflate-client-bits-none$`, fails, edits{"internal/deflate/negotiate.go": {
		"case p.clientBitsOpen:", "case false:"}}},
	{"answer with a repeated parameter", `negotiation/deflate-.*-twice$`, fails, edits{"internal/deflate/negotiate.go": {
		"if seen[x.Name] {", "if false {"}}},
	{"window of the server unchecked", `negotiation/deflate-server-bits-above$`, fails, edits{"internal/deflate/negotiate.go": {
		"if !p.serverNoTakeover && (w.Receive == 0 || serverBits > windowBits(w.Receive)) {", "if w.Receive < 0 {"}}},
	{"compressor of a client with the full window", `negotiation/deflate-good-client-bits-`, fails, edits{"internal/deflate/negotiate.go": {
		"Bits: clientBits}", "Bits: max(clientBits, maxBits)}"}}},
	{"takeover of a client that was to do without", `negotiation/deflate-good-(client-takeover|both-takeovers)$`, fails, edits{"internal/deflate/negotiate.go": {
		"Takeover: w.Send > 0 && !p.clientNoTakeover, Bits: clientBits", "Takeover: w.Send > 0, Bits: clientBits"}}},
	{"context of the server forgotten", `deflate/(takeover-|example-window)`, fails, edits{"internal/deflate/inflate.go": {
		"d.window.keep(z.buf[:z.w])", ""}}},
	{"bomb inflated", `deflate/bomb-`, costs, edits{"inflate.go": {
		"c.compression.in.Inflate(m.Data, c.cfg.rules.Limit)", "c.compression.in.Inflate(m.Data, 0)"}}},

	{"redirect followed", `redirects/other-port-`, fails, edits{"dial.go": {
		"client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }", ""}}},

	{"frames not masked", `masking/fresh-`, fails, edits{"frame.go": {
		"if m {", "if false {"}}},
	{"one masking key for all", `masking/fresh-`, fails, edits{"frame.go": {
		`"math/rand/v2"`, "", "proto.Key(rand.Uint32())", "0x12345678"}}},
	{"masking keys that count", `masking/no-step$`, fails, edits{"frame.go": {
		`"math/rand/v2"`, `"sync/atomic"`, "proto.Key(rand.Uint32())", "proto.Key(maskingKey.Add(0x01234567))",
		"type masker bool", "type masker bool\n\nvar maskingKey atomic.Uint32"}}},
	{"masking keys of 24 bits", `masking/bits$`, fails, edits{"frame.go": {
		"proto.Key(rand.Uint32())", "proto.Key(rand.Uint32() >> 8)"}}},
	{"masked frames accepted", `masking/server-`, fails, edits{"internal/proto/rules.go": {
		"case !d.rules.Server && h.Masked:", "case false:"}}},

	{"cut message delivered to a client", `truncation/`, fails, edits{"reader.go": {
		"err = errCutMessage", "err = errCutMessage\n\t\t\tif c.in != nil {\n\t\t\t\tm := c.in.take()\n\t\t\t\tc.mu.Unlock()\n\t\t\t\tc.handlerDone(c.onMessage(m))\n\t\t\t\tc.mu.Lock()\n\t\t\t}"}}},
	{"close frame of a server unanswered", `close/`, fails, edits{"close.go": {
		`c.sendClose(code, "")`, ""}}},
	{"client that hangs up first", `close/waits$`, lenient, edits{"finish.go": {
		"if !c.client() && !c.stream.closeWrite() {", "if !c.stream.closeWrite() || c.client() {"}}},

	{"header of the answer without a limit", `floods/(fields|field-line|refusal-fields)$`, costs, edits{"dial.go": {
		"t.MaxResponseHeaderBytes = maxResponseHeader", "t.MaxResponseHeaderBytes = 1 << 30"}}},
	{"body of a refusal without a limit", `floods/body`, costs, edits{"dial.go": {
		"maxResponseBody = 4 << 10", "maxResponseBody = 1 << 40"}}},
	{"message without a limit", `floods/(message|text)$`, costs, edits{"options.go": {
		"orDefault(o.MessageLimit, 1<<20)", "0"}}},
	{"fragments without a limit", `floods/fragments-`, lenient, edits{"options.go": {
		"orDefault(o.FragmentLimit, 16384)", "0"}}},
	{"pongs of a client queued without bound", `floods/pings-unread$`, costs, edits{"outbox.go": {
		"if o.pongs < maxPongs && o.addControl(proto.OpPong, data) {", "if o.addControl(proto.OpPong, data) {",
		"if cap(o.control)-len(o.control) < proto.FrameSize(len(data), bool(o.mask)) {", "if false {"}}},
	{"memory for what a server claims", `lengths/claim-`, costs, edits{
		"internal/proto/rules.go": {"limit-m.size)", "1<<40)"},
		"read.go":                 {"case left > 0 && left <= uint64(need):", "case left > 0:"},
		"release.go": {
			"b := make([]byte, size)\n", "b := make([]byte, size)\n\t\tclear(b)\n",
			"b := make([]byte, memorySize(i))\n", "b := make([]byte, memorySize(i))\n\tclear(b)\n"}}},
	{"dialling without a deadline", `half-handshake/`, lenient, edits{"dial.go": {
		"timeout = dialTimeout\n", "\n"}}},
	{"close of a client without a deadline", `hangs/(close-unended|fail-unanswered)$`, lenient, edits{
		"keepalive.go": {"c.cfg.closeTimeout > 0 && (by == 0 || t < by)", "c.cfg.closeTimeout < 0 && (by == 0 || t < by)"},
		"finish.go":    {"c.stream.lingerUntil(by)", ""}}},
}
