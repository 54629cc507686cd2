package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// deflateName is the extension of RFC 7692.
const deflateName = "permessage-deflate"

// extension is an element of Sec-WebSocket-Extensions: an offer, or the answer to one.
type extension struct {
	name   string
	params []extensionParam
}

type extensionParam struct {
	name, value string
	hasValue    bool
}

// extensionSyntax is the grammar of one extension (RFC 6455, section 9.1).
var extensionSyntax = func() *regexp.Regexp {
	const char = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
	const param = char + `+([ \t]*=[ \t]*(` + char + `+|"(\\?` + char + `)+"))?`
	return regexp.MustCompile(`^` + char + `+([ \t]*;[ \t]*` + param + `)*$`)
}()

// extensions returns the elements of the lists in values, and the first that is malformed. No
// comma can stand within a well-formed element.
func extensions(values []string) (good []extension, malformed string) {
	for _, element := range strings.Split(strings.Join(values, ","), ",") {
		element = strings.Trim(element, " \t")
		if element == "" {
			continue // RFC 2616 allows empty elements of lists
		}
		if !extensionSyntax.MatchString(element) {
			if malformed == "" {
				malformed = element
			}
			continue
		}
		name, rest, _ := strings.Cut(element, ";")
		e := extension{name: strings.Trim(name, " \t")}
		for p := range strings.SplitSeq(rest, ";") {
			if name, value, has := strings.Cut(p, "="); name != "" {
				value = strings.ReplaceAll(strings.Trim(value, " \t\""), `\`, "")
				e.params = append(e.params, extensionParam{strings.Trim(name, " \t"), value, has})
			}
		}
		good = append(good, e)
	}
	return good, malformed
}

// deflateParams are the parameters of an offer or of an answer. Bits are 0 where they are not
// mentioned, and bitsUnsaid where an offer has client_max_window_bits without a value.
type deflateParams struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int
}

const bitsUnsaid = -1

var bitsSyntax = regexp.MustCompile(`^([89]|1[0-5])$`)

// parseDeflate reads the parameters, and says what is wrong with them.
func parseDeflate(e extension, answer bool) (p deflateParams, problem string) {
	for i, param := range e.params {
		if slices.ContainsFunc(e.params[:i], func(o extensionParam) bool { return o.name == param.name }) {
			return p, param.name + " twice"
		}
		bits := 0
		if bitsSyntax.MatchString(param.value) {
			bits, _ = strconv.Atoi(param.value)
		}
		switch param.name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if param.hasValue {
				return p, param.name + " with a value"
			}
			if param.name[0] == 's' {
				p.serverNoTakeover = true
			} else {
				p.clientNoTakeover = true
			}
		case "server_max_window_bits", "client_max_window_bits":
			if param.name[0] == 'c' && !answer && !param.hasValue {
				bits = bitsUnsaid
			}
			switch {
			case bits == 0 && !param.hasValue:
				return p, param.name + " without a value"
			case bits == 0:
				return p, fmt.Sprintf("%s with the value %q", param.name, param.value)
			case param.name[0] == 's':
				p.serverBits = bits
			default:
				p.clientBits = bits
			}
		default:
			return p, "the unknown parameter " + param.name
		}
	}
	return p, ""
}

// permits says by which rule an answer does not follow from an offer.
func (offer deflateParams) permits(answer deflateParams) *broken {
	switch {
	case offer.serverNoTakeover && !answer.serverNoTakeover:
		return &broken{ruleServerTakeover, "lacks server_no_context_takeover, which was offered"}
	case offer.serverBits > 0 && answer.serverBits == 0:
		return &broken{ruleServerBits, "lacks server_max_window_bits, which was offered"}
	case offer.serverBits > 0 && answer.serverBits > offer.serverBits:
		return &broken{ruleServerBits, fmt.Sprintf("has server_max_window_bits=%d, more than %d, which was offered", answer.serverBits, offer.serverBits)}
	case offer.clientBits == 0 && answer.clientBits > 0:
		return &broken{ruleClientBits, "has client_max_window_bits, which was not offered"}
	case offer.clientBits > 0 && answer.clientBits > offer.clientBits:
		return &broken{ruleClientBitsValue, fmt.Sprintf("has client_max_window_bits=%d, more than %d, which was offered", answer.clientBits, offer.clientBits)}
	}
	return nil
}

// judgeDeflate holds an answer to the offers of a request. It returns what was agreed, or nil
// where the server declined.
func judgeDeflate(offered, answered []string) (*deflateParams, *broken) {
	if len(answered) == 0 {
		return nil, nil
	}
	answer := func(format string, args ...any) *broken {
		return &broken{ruleDeflateAnswer, "has " + fmt.Sprintf(format, args...)}
	}
	if len(answered) > 1 {
		return nil, &broken{ruleOneExtensions, "has Sec-WebSocket-Extensions more than once"}
	}
	list, malformed := extensions(answered)
	switch {
	case malformed != "":
		return nil, &broken{ruleExtGrammar, fmt.Sprintf("has the malformed extension %q", malformed)}
	case len(list) == 0:
		return nil, &broken{ruleExtGrammar, "has Sec-WebSocket-Extensions without an extension"}
	case len(list) > 1:
		return nil, answer("more than one extension: %q", answered)
	case list[0].name != deflateName:
		return nil, &broken{ruleNoExtension, fmt.Sprintf("has the extension %q", list[0].name)}
	}
	agreed, problem := parseDeflate(list[0], true)
	if problem != "" {
		return nil, answer("%s", problem)
	}
	why := &broken{ruleDecline, fmt.Sprintf("accepts %q, of which nothing may be accepted", offered)}
	offers, _ := extensions(offered)
	for _, e := range offers {
		offer, problem := parseDeflate(e, false)
		if e.name != deflateName || problem != "" {
			continue
		}
		if why = offer.permits(agreed); why == nil {
			return &agreed, nil
		}
	}
	return nil, why
}
