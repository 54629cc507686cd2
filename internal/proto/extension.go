package proto

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Extension is one element of Sec-WebSocket-Extensions: an offer, or the answer to one.
type Extension struct {
	Name   string
	Params []Param // in order; a repeated name is not an error here
}

// Param is a parameter of an extension. Value is a token if HasValue is true, else empty; quotes
// and escapes have been removed.
type Param struct {
	Name, Value string
	HasValue    bool
}

var (
	errExtensionName  = errors.New("no extension name")
	errParamStart     = errors.New("something other than ; after a token or value")
	errParamName      = errors.New("no parameter name after ;")
	errParamValue     = errors.New("no value after =")
	errQuotedValue    = errors.New("quoted value is not a token")
	errQuoteNotClosed = errors.New("quoted string does not end")
	errParamCount     = fmt.Errorf("more than %d parameters", maxListItems)
	errNoExtension    = errors.New("proto: extension list is empty")
	errListTooLong    = fmt.Errorf("proto: more than %d extensions and parameters", maxListItems)
)

// ParseExtensions returns the well-formed elements of the lists in values, those of
// Sec-WebSocket-Extensions (RFC 6455, 9.1), in order. err is not nil if anything was malformed, and
// tells the first such thing; the elements are good all the same. So a server that takes the first
// offer it can use may ignore err, and a client, which has to fail the connection on a malformed
// answer, may not.
//
// A malformed element ends at the next comma outside a quoted string; a quoted string that is not
// closed takes the rest of its header value with it. Empty elements are skipped (RFC 9110, 5.6.1.2),
// but values without any element are malformed. Reading stops, with an error, when the well-formed
// elements exceed 100 extensions and parameters. The work is linear in the length of values.
func ParseExtensions(values []string) (extensions []Extension, err error) {
	items, empty := 0, len(values) > 0
	for _, list := range values {
		for list != "" {
			var element string
			element, list = cutElement(list)
			if element == "" {
				continue
			}
			empty = false
			e, malformed := parseExtension(element)
			if malformed != nil {
				if err == nil {
					err = fmt.Errorf("proto: malformed extension %.60q: %w", element, malformed)
				}
				continue
			}
			if items += 1 + len(e.Params); items > maxListItems {
				return extensions, cmp.Or(err, errListTooLong)
			}
			extensions = append(extensions, e)
		}
	}
	if empty {
		err = errNoExtension
	}
	return extensions, err
}

// cutElement returns the first element of a list without the whitespace around it, and what follows
// the comma that ended it. A comma in a quoted string ends nothing.
func cutElement(list string) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return trimSpace(list[:i]), list[i+1:]
		}
	}
	return trimSpace(list), ""
}

// parseExtension parses an element that has no whitespace at its ends.
// The ABNF allows whitespace between any two of its parts, as RFC 2616 implies.
func parseExtension(s string) (Extension, error) {
	n := tokenLen(s)
	if n == 0 {
		return Extension{}, errExtensionName
	}
	e := Extension{Name: s[:n]}
	for s = skipSpace(s[n:]); s != ""; s = skipSpace(s) {
		if s[0] != ';' {
			return Extension{}, errParamStart
		}
		if len(e.Params) == maxListItems {
			return Extension{}, errParamCount
		}
		p, rest, err := parseParam(skipSpace(s[1:]))
		if err != nil {
			return Extension{}, err
		}
		e.Params = append(e.Params, p)
		s = rest
	}
	return e, nil
}

// parseParam parses the parameter that s starts with and returns what follows it.
func parseParam(s string) (p Param, rest string, err error) {
	n := tokenLen(s)
	if n == 0 {
		return Param{}, "", errParamName
	}
	p.Name, rest = s[:n], skipSpace(s[n:])
	if rest == "" || rest[0] != '=' {
		return p, rest, nil
	}
	p.HasValue = true
	rest = skipSpace(rest[1:])
	if rest != "" && rest[0] == '"' {
		p.Value, rest, err = parseQuoted(rest)
		return p, rest, err
	}
	n = tokenLen(rest)
	if n == 0 {
		return Param{}, "", errParamValue
	}
	p.Value, rest = rest[:n], rest[n:]
	return p, rest, nil
}

// parseQuoted parses the quoted string that s starts with and returns its content, which must be a
// token once unescaped, and what follows.
func parseQuoted(s string) (value, rest string, err error) {
	var content strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if content.Len() == 0 {
				return "", "", errQuotedValue
			}
			return content.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
		}
		if !isTokenChar(s[i]) {
			return "", "", errQuotedValue
		}
		content.WriteByte(s[i])
	}
	return "", "", errQuoteNotClosed
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t") }
