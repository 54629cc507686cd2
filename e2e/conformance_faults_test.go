package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/conformance"
	"github.com/spoutws/spout/internal/testenv"
)

// faults break the library, one at a time. Each is edits of one file, pairs of the text that
// stands there once and what takes its place, and the family whose cases must notice.
var faults = []struct {
	name   string
	family conformance.Family
	file   string
	edits  []string
}{
	{"method unchecked", conformance.Handshake, "upgrade.go", []string{
		"case r.Method != http.MethodGet:", "case false:"}},
	{"HTTP 1.0 accepted", conformance.Handshake, "upgrade.go", []string{
		"case r.ProtoMajor != 1 || r.ProtoMinor < 1:", "case false:"}},
	{"Connection unchecked", conformance.Handshake, "upgrade.go", []string{
		` || !proto.HasToken(h.Values("Connection"), "upgrade"):`, ":"}},
	{"Upgrade unchecked", conformance.Handshake, "upgrade.go", []string{
		`!proto.HasToken(upgrade, "websocket") || `, `len(upgrade) > 9 || `}},
	{"version unchecked", conformance.Handshake, "upgrade.go", []string{
		`case len(h.Values("Sec-Websocket-Version")) != 1 || h.Get("Sec-Websocket-Version") != "13":`, "case false:"}},
	{"version not named", conformance.Handshake, "upgrade.go", []string{
		`h.Set("Sec-Websocket-Version", "13")`, ""}},
	{"key unchecked", conformance.Handshake, "upgrade.go", []string{
		`case len(h.Values("Sec-Websocket-Key")) != 1 || !proto.ValidKey(h.Get("Sec-Websocket-Key")):`, "case false:"}},
	{"body accepted", conformance.Handshake, "upgrade.go", []string{
		"case r.ContentLength != 0 || len(r.TransferEncoding) > 0:", "case false:"}},
	{"subprotocol unasked", conformance.Handshake, "upgrade.go", []string{
		`if subprotocol != "" {`, "if true {"}},
	{"wrong accept value", conformance.Handshake, "internal/proto/handshake.go", []string{
		"sha1.Sum([]byte(key + acceptGUID))", "sha1.Sum([]byte(acceptGUID + key))"}},
	{"case of tokens", conformance.Handshake, "internal/proto/handshake.go", []string{
		"if lower(a[i]) != lower(b[i]) {", "if a[i] != b[i] {"}},

	{"unmasked accepted", conformance.Framing, "internal/proto/rules.go", []string{
		"case d.rules.Server && !h.Masked:", "case false:"}},
	{"16-bit length backwards", conformance.Framing, "internal/proto/frame.go", []string{
		"uint64(binary.BigEndian.Uint16(rest))", "uint64(binary.LittleEndian.Uint16(rest))"}},
	{"16-bit length sent for 64", conformance.Framing, "internal/proto/frame.go", []string{
		"case h.Length <= 0xFFFF:", "case h.Length <= 0x10000:"}},
	{"length taken as signed", conformance.Framing, "internal/proto/rules.go", []string{
		"case h.Length >= 1<<63:", "case false:",
		"h.Length > uint64(limit-size), h.Length > uint64(1<<63-1-size):", "int64(h.Length) > limit-size:"}},
	{"mask turned the other way", conformance.Framing, "internal/proto/mask.go", []string{
		"bits.RotateLeft32(uint32(k), -8)", "bits.RotateLeft32(uint32(k), 8)"}},
	{"mask begun again", conformance.Framing, "internal/proto/decode.go", []string{
		"d.frame.key = d.frame.key.Mask(p)", "d.frame.key.Mask(p)"}},
	{"part of a frame delivered", conformance.Framing, "internal/proto/decode.go", []string{
		"d.frame.fin && !d.inFrame,", "d.frame.fin,"}},
	{"split header lost", conformance.Framing, "internal/proto/decode.go", []string{
		"d.splitn += uint8(n)", "d.splitn = uint8(n)"}},

	{"RSV2 and RSV3 ignored", conformance.Reserved, "internal/proto/rules.go", []string{
		"case h.RSV != 0 && !d.rules.Deflate:", "case h.RSV&RSV1 != 0 && !d.rules.Deflate:",
		"case h.RSV&^RSV1 != 0, h.RSV != 0", "case h.RSV != 0"}},
	{"RSV1 ignored without compression", conformance.Reserved, "internal/proto/decode.go", []string{
		"h, minimal := parseHeader(b)\n", "h, minimal := parseHeader(b)\n\tif !d.rules.Deflate {\n\t\th.RSV &^= RSV1\n\t}\n"}},
	{"RSV3 ignored", conformance.Reserved, "internal/proto/frame.go", []string{
		"b[0] >> 4 & 0x7,", "b[0] >> 4 & 0x6,"}},
	{"reserved data opcodes accepted", conformance.Reserved, "internal/proto/rules.go", []string{
		"case h.Op > OpBinary && h.Op < OpClose, h.Op > OpPong:", "case h.Op > OpPong:"}},
	{"reserved control opcodes accepted", conformance.Reserved, "internal/proto/rules.go", []string{
		"case h.Op > OpBinary && h.Op < OpClose, h.Op > OpPong:", "case h.Op > OpBinary && h.Op < OpClose:"}},

	{"continuation first", conformance.Fragmentation, "internal/proto/rules.go", []string{
		"if d.op == 0 {", "if false {"}},
	{"messages interleaved", conformance.Fragmentation, "internal/proto/rules.go", []string{
		"} else if d.op != 0 {", "} else if false {"}},
	{"FIN ignored", conformance.Fragmentation, "internal/proto/decode.go", []string{
		"d.frame.fin && !d.inFrame,", "!d.inFrame,"}},
	{"control frames break messages", conformance.Fragmentation, "internal/proto/decode.go", []string{
		"if !h.Op.Control() {", "if true {"}},

	{"pong without its data", conformance.Pings, "reader.go", []string{
		"c.queue().addPong(data)", "c.queue().addPong(nil)"}},
	{"pings unanswered", conformance.Pings, "reader.go", []string{
		"c.queue().addPong(data)", ""}},
	{"pongs cut short", conformance.Pings, "outbox.go", []string{
		"o.newestn = copy(o.newest[:], data)", "o.newestn = copy(o.newest[:], data) / 2"}},
	{"large control frames", conformance.Pings, "internal/proto/rules.go", []string{
		"case h.Length > MaxControl:", "case false:"}},
	{"fragmented control frames", conformance.Pings, "internal/proto/rules.go", []string{
		"case !h.Fin:", "case false:"}},
	{"split control frame too long", conformance.Pings, "internal/proto/decode.go", []string{
		"payload = d.split[:d.splitn]", "payload = d.split[:]"}},

	{"UTF-8 unchecked", conformance.UTF8, "internal/proto/decode.go", []string{
		"if d.op == OpText && !d.compressed && (", "if false && ("}},
	{"UTF-8 checked in binary", conformance.UTF8, "internal/proto/decode.go", []string{
		"if d.op == OpText && !d.compressed && (", "if !d.compressed && ("}},
	{"cut character at the end", conformance.UTF8, "internal/proto/decode.go", []string{
		" || ev.End && !d.text.Complete())", ")"}},
	{"character ends with its fragment", conformance.UTF8, "internal/proto/decode.go", []string{
		"d.size += int64(h.Length)", "d.size += int64(h.Length)\n\t\td.text = UTF8{}"}},
	{"split surrogates", conformance.UTF8, "internal/proto/utf8.go", []string{
		"u.hi = 0x9F", "u.hi = 0xBF"}},
	{"split overlong of three", conformance.UTF8, "internal/proto/utf8.go", []string{
		"u.lo = 0xA0", "u.lo = 0x80"}},
	{"split overlong of four", conformance.UTF8, "internal/proto/utf8.go", []string{
		"u.lo = 0x90", "u.lo = 0x80"}},
	{"split beyond U+10FFFF", conformance.UTF8, "internal/proto/utf8.go", []string{
		"u.hi = 0x8F", "u.hi = 0xBF"}},

	{"close code unchecked", conformance.Closing, "internal/proto/close.go", []string{
		"if !ValidCode(code) {", "if false {"}},
	{"close reason unchecked", conformance.Closing, "internal/proto/close.go", []string{
		"if !utf8.Valid(reason) {", "if !utf8.Valid(nil) {"}},
	{"1005 sent", conformance.Closing, "close.go", []string{
		"if code == CloseNoStatus {", "if false {"}},
	{"close frame unanswered", conformance.Closing, "close.go", []string{
		`c.sendClose(code, "")`, ""}},
	{"connection left open", conformance.Closing, "finish.go", []string{
		"!c.client() && !c.stream.closeWrite()", "false",
		"c.stream.rwc.Close()", ""}},

	{"64-bit length cut to 32", conformance.Limits, "internal/proto/decode.go", []string{
		"if v := d.check(h, minimal); v != nil {", "h.Length = uint64(uint32(h.Length))\n\tif v := d.check(h, minimal); v != nil {"}},
	{"64-bit length sent cut to 16", conformance.Limits, "internal/proto/frame.go", []string{
		"binary.BigEndian.AppendUint64(dst, h.Length)", "binary.BigEndian.AppendUint64(dst, uint64(uint16(h.Length)))"}},
}

// The cases notice what is broken: for each fault one of the right family fails, asked of a
// server that was built with it. The shipped source stays as it is (go build -overlay).
func TestConformanceNoticesFaults(t *testing.T) {
	goTool := testenv.Need(t, "go")
	out, err := exec.Command(goTool, "list", "-f", "{{.Dir}}", "github.com/spoutws/spout").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := strings.TrimSpace(string(out))

	var caught atomic.Int32
	t.Run("faults", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				spout := buildBroken(t, goTool, filepath.Join(root, f.file), f.edits)
				s := runSpout(t, spout, "serve", "--addr", "127.0.0.1:0")
				defer s.kill() // broken as it is, it need not end well
				if r := firstFailure(t, echoURL(s), f.family); r == nil {
					t.Errorf("no case of %s fails", f.family)
				} else {
					t.Logf("%s: %s", r.ID, r.Reason)
					caught.Add(1)
				}
			})
		}
	})
	t.Logf("planted faults caught: %d of %d", caught.Load(), len(faults))
}

// buildBroken builds the command with edits of one file, and returns its path.
func buildBroken(t *testing.T, goTool, file string, edits []string) string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for i := 0; i < len(edits); i += 2 {
		if n := strings.Count(text, edits[i]); n != 1 {
			t.Fatalf("%s has %q %d times, not once: the fault must follow the source", file, edits[i], n)
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	dir := t.TempDir()
	edited, overlay, path := filepath.Join(dir, filepath.Base(file)), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "spout")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{file: edited}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{edited: []byte(text), overlay: replace} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command(goTool, "build", "-overlay", overlay, "-ldflags", "-s -w", "-o", path, "github.com/spoutws/spout/cmd/spout")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	return path
}

// firstFailure asks cases of a family until one fails, which it returns. A broken server may be
// silent where it should answer, so the cases get little time.
func firstFailure(t *testing.T, url string, family conformance.Family) *conformance.Result {
	t.Helper()
	k, err := conformance.New(conformance.Config{URL: url, Timeout: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	cases := slices.DeleteFunc(conformance.Cases(), func(c conformance.Case) bool { return c.Family != family })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failure *conformance.Result
	k.Run(ctx, cases, func(r conformance.Result) {
		if r.Verdict == conformance.Fail && failure == nil {
			failure = &r
			cancel()
		}
	})
	return failure
}
