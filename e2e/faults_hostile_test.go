package e2e

// hostileFaults take away what stands between a server and its attackers.
var hostileFaults = []fault{
	{"refused connection kept", `smuggling/behind-`, lenient, edits{"upgrade.go": {
		`h.Set("Connection", "close")`, ""}}},
	{"first of two origins", `smuggling/origin-first$`, fails, edits{
		"upgrade.go":       {"case len(origins) > 1:", "case false:"},
		"origin/origin.go": {"if len(values) != 1 {", "if len(values) == 0 {"}}},
	{"end of an origin compared", `smuggling/origin-host-prefix$`, fails, edits{"origin/origin.go": {
		"ok && host == o.host", "ok && strings.HasSuffix(o.host, host)"}}},
	{"port of an origin unchecked", `smuggling/origin-port$`, fails, edits{"origin/origin.go": {
		"&& port == o.port", "&& port > 0"}}},
	{"header without a limit", `smuggling/endless-`, costs, edits{"e2e/echoserver/main.go": {
		"ReadHeaderTimeout: 10 * time.Second,", "ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 30,"}}},
	{"frames with the handshake lost", `smuggling/.*with-handshake$`, fails, edits{"upgrade.go": {
		"slices.Clone(buffered), nil", "slices.Clone(buffered[:0]), nil"}}},

	{"lengths unchecked", `lengths/top-bit-`, fails, edits{"internal/proto/rules.go": {
		"case h.Length >= 1<<63:", "case false:",
		"case limit > 0 && h.Length > uint64(limit-m.size), h.Length > uint64(1<<63-1-m.size):", "case false && limit > m.size:"}}},
	{"memory for what is claimed", `lengths/crowd-1MiB-`, costs, edits{
		"read.go": {"case left > 0 && left <= uint64(need):", "case left > 0:"},
		"release.go": {
			"b := make([]byte, size)\n", "b := make([]byte, size)\n\t\tclear(b)\n",
			"b := make([]byte, memorySize(i))\n", "b := make([]byte, memorySize(i))\n\tclear(b)\n"}}},

	{"pongs queued without bound", `floods/pings-unread$`, costs, edits{"outbox.go": {
		"if o.pongs < maxPongs && o.addControl(proto.OpPong, data) {", "if o.addControl(proto.OpPong, data) {",
		"if cap(o.control)-len(o.control) < proto.FrameSize(len(data), bool(o.mask)) {", "if false {"}}},
	{"messages queued without bound", `floods/messages-(1KiB|64KiB)-unread$`, costs, edits{"options.go": {
		"orDefault(o.SendLimit, 1<<20)", "0"}}},
	{"closed without a drain", `close/then-much$`, lenient, edits{"finish.go": {
		"!c.killed && !c.dead && (", "c.killed && ("}}},

	{"frame without a deadline", `pace/(first-byte|half-header|half-frame)$`, lenient, edits{"keepalive.go": {
		"if c.frame == 0 || !c.waiting || c.cfg.frameTimeout == 0 {", "if true {"}}},
	{"deadline put off by every byte", `pace/endless-drip$`, lenient, edits{"keepalive.go": {
		"c.frame == 0 || fresh {", "fresh || c.frame >= 0 {"}}},
	{"writing without a deadline", `pace/never-reads$`, lenient, edits{
		"socket_linux.go": {"if !c.stalled() || c.cfg.writeTimeout == 0 {", "if true {"},
		"netstream.go":    {"timeout := s.conn.cfg.writeTimeout", "timeout := 0 * s.conn.cfg.writeTimeout"}}},
	{"handshake without a deadline", `half-handshake/`, lenient, edits{"e2e/echoserver/main.go": {
		"ReadHeaderTimeout: 10 * time.Second,", ""}}},
	{"end without a deadline", `hangs/lingering$`, lenient, edits{
		"keepalive.go": {"c.cfg.closeTimeout > 0 && (by == 0 || t < by)", "c.cfg.closeTimeout < 0 && (by == 0 || t < by)"},
		"finish.go":    {"c.stream.lingerUntil(by)", ""}}},

	{"writability not told", `pace/(late|slow)-reader$`, fails, edits{"socket_linux.go": {
		"\tif c.stalled() {\n\t\ts.writeRest()", "\tif c.stalled() && c.dead {\n\t\ts.writeRest()"}}},
	{"end of the stream behind a message lost", `truncation/second-fin$`, fails, edits{"socket_linux.go": {
		"why&poll.HungUp == 0 && !again", "!again"}}},
	{"what came before a pause lost", `pace/(late|slow)-reader$`, fails, edits{"socket_linux.go": {
		"s.conn.rarely().rest = slices.Clone(rest)", "s.conn.rarely().rest = slices.Clone(rest[:0])"}}},
	{"reader that pauses not woken", `pace/(late|slow)-reader$`, fails, edits{"flush.go": {
		"counted > 0 && !c.dead {\n\t\tc.out.grant()\n\t\tc.wakeReader()", "counted > 0 && !c.dead {\n\t\tc.out.grant()",
		"wrote(n); n > 0 {\n\t\tc.out.grant()\n\t\tc.wakeReader()", "wrote(n); n > 0 {\n\t\tc.out.grant()"}}},
	{"more than a turn's share unread", `floods/pongs`, fails, edits{"socket_linux.go": {
		"\treturn p != nil\n", "\treturn false\n"}}},

	{"cut message delivered", `truncation/.*-fin$`, fails, edits{"reader.go": {
		"err = errCutMessage", "err = errCutMessage\n\t\t\tif c.in != nil {\n\t\t\t\tm := c.in.take()\n\t\t\t\tc.mu.Unlock()\n\t\t\t\tc.handlerDone(c.onMessage(m))\n\t\t\t\tc.mu.Lock()\n\t\t\t}"}}},
	{"much effort for a pong", `effort/pongs-`, costs, edits{"keepalive.go": {
		"switch r := c.rare; {", "for range 100 {\n\t\tnow()\n\t}\n\tswitch r := c.rare; {"}}},
}
