package main

import (
	"regexp"

	"github.com/spoutws/spout/internal/conformance"
)

// row is an attack or a fault. Its tests are those whose names begin with its number, such as
// TestT1LengthBeyondLimit; of the cases, the ids that match are its own.
type row struct {
	number int
	attack string
	ids    string // "" for what can't be asked of a server from outside
}

// rows leave out 24 and 25, which are about brokers.
var rows = []row{
	{1, "lengths with the top bit set, 2^63-1, 1 TiB", `^lengths/(top-bit|claim)-|^limits/claim-`},
	{2, "memory for a length that is only claimed", `^lengths/crowd-`},
	{3, "zip bombs", `^bombs/|^deflate/limit-`},
	{4, "floods of tiny or empty fragments", `^floods/fragments-|^limits/tiny-fragments$`},
	{5, "ping floods by a peer that does not read", `^floods/pings-`},
	{6, "control frames as load", `^effort/(pings|pongs|messages)-|^floods/(pongs|closes)`},
	{7, "a peer that reads slowly or never", `^floods/(messages|mixed)-|^pace/(slow-reader|late-reader|never-reads|stuck-crowd)`},
	{8, "half a handshake, drip by drip, or one without end", `^half-handshake/|^pace/drip-handshake|^smuggling/(endless|field)`},
	{9, "an idle or half-open peer, a frame that never ends", `^pace/(drip-[^h]|pause|first-byte|half|endless)`},
	{10, "a closing handshake that hangs", `^hangs/(failed|closed|too-big|in-|after|unread|crowd)`},
	{11, "a close code lost to a reset", `^hangs/lingering|^close/then-`},
	{12, "a connection that dies in mid-message", `^truncation/|^deflate/(truncated|unfinished)`},
	{13, "text that is not UTF-8, cut anywhere", `^utf8/|^close/reason-invalid|^deflate/(utf8|bad)-`},
	{14, "frames that RFC 6455 does not allow", `^(framing|reserved)/|^close/(body-126|body-65536|fragmented|unfinished)|^pings/(ping|pong)-(126|65536|fragmented|unfinished|long-form)`},
	{15, "predictable masks", ""},
	{16, "pages of other sites", `^smuggling/(origin|behind-foreign-origin)`},
	{17, "a second request behind a failed upgrade", `^smuggling/(behind-([^f]|f[^o])|fold|bare-lf|control|cr-|nul|underscore|dotless|key|upgrade|version|host|target|method|http2|tls|flash)|^smuggling/.*-with-handshake`},
	{18, "a body on the upgrade request", `^smuggling/(length|chunked|two-lengths|coding|body)`},
	{19, "CR, LF or NUL in what a program configures", ""},
	{20, "offers of extensions: malformed, repeated, long", `^negotiation/`},
	{21, "control frames between compressed messages", `^deflate/between-`},
	{22, "writes from many goroutines, under the race detector", ""},
	{23, "a panic in a handler", ""},
	{26, "a hostile server", ""},
	{27, "descriptors used up", `^effort/descriptors$`},
}

// casesOf returns the cases of each row, by its number.
func casesOf(all []conformance.Case) map[int][]conformance.Case {
	of := make(map[int][]conformance.Case)
	for _, r := range rows {
		if r.ids == "" {
			continue
		}
		ids := regexp.MustCompile(r.ids)
		for _, c := range all {
			if ids.MatchString(c.ID) {
				of[r.number] = append(of[r.number], c)
			}
		}
	}
	return of
}
