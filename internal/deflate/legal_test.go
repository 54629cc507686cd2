package deflate

import (
	"fmt"
	"slices"

	"github.com/spoutws/spout/internal/proto"
)

// valid reports whether RFC 7692, 7.1, has a meaning for the parameters of an offer or of an answer.
// It shares nothing with the code under test.
func valid(e proto.Extension, isAnswer bool) bool {
	numbers := []string{"8", "9", "10", "11", "12", "13", "14", "15"}
	count := map[string]int{}
	for _, p := range e.Params {
		if count[p.Name]++; count[p.Name] > 1 {
			return false
		}
		number := p.HasValue && slices.Contains(numbers, p.Value)
		switch p.Name {
		case "server_no_context_takeover", "client_no_context_takeover": // 7.1.1
			if p.HasValue {
				return false
			}
		case "server_max_window_bits": // 7.1.2.1
			if !number {
				return false
			}
		case "client_max_window_bits": // 7.1.2.2: without a value in an offer only
			if !number && (p.HasValue || isAnswer) {
				return false
			}
		default:
			return false
		}
	}
	return e.Name == "permessage-deflate"
}

// param returns a parameter of e: whether it is there, and its number, which is 15 if it has none.
func param(e proto.Extension, name string) (there bool, number int) {
	for _, p := range e.Params {
		if p.Name == name {
			number = 15
			fmt.Sscan(p.Value, &number)
			return true, number
		}
	}
	return false, 15
}

// legal returns why an answer must not be given to an offer; nil if it may.
func legal(offer, answer proto.Extension) error {
	if !valid(offer, false) {
		return fmt.Errorf("the offer has to be declined")
	}
	if !valid(answer, true) {
		return fmt.Errorf("the answer has an unknown, repeated or invalid parameter")
	}
	asked, _ := param(offer, "server_no_context_takeover")
	given, _ := param(answer, "server_no_context_takeover")
	if asked && !given { // 7.1.1.1
		return fmt.Errorf("server_no_context_takeover was offered and is not answered")
	}
	asked, most := param(offer, "server_max_window_bits")
	given, bits := param(answer, "server_max_window_bits")
	if asked && (!given || bits > most) { // 7.1.2.1
		return fmt.Errorf("the server's window is larger than offered")
	}
	asked, most = param(offer, "client_max_window_bits")
	given, bits = param(answer, "client_max_window_bits")
	if given && !asked { // 7.1.2.2
		return fmt.Errorf("client_max_window_bits was not offered")
	}
	if given && bits > most {
		return fmt.Errorf("the client's window is larger than offered")
	}
	return nil
}

// termsOf returns what an answer means to the server.
func termsOf(answer proto.Extension) (t Terms) {
	noTakeover, _ := param(answer, "server_no_context_takeover")
	_, bits := param(answer, "server_max_window_bits")
	t.Send = Direction{!noTakeover, bits}
	noTakeover, _ = param(answer, "client_no_context_takeover")
	_, bits = param(answer, "client_max_window_bits")
	t.Receive = Direction{!noTakeover, bits}
	return t
}

// checkAnswer returns what is wrong with the answer to a client's header values; nil if nothing is.
func checkAnswer(values []string, w Wish) error {
	offers, _ := proto.ParseExtensions(values)
	first := slices.IndexFunc(offers, func(e proto.Extension) bool { return valid(e, false) })
	terms, header, ok := Answer(offers, w)
	if ok != (first >= 0) {
		return fmt.Errorf("accepted: %v; the first that can be honoured is number %d", ok, first)
	}
	if !ok {
		if header != "" || terms != (Terms{}) {
			return fmt.Errorf("declined with %q, %+v", header, terms)
		}
		return nil
	}
	answer, err := proto.ParseExtensions([]string{header})
	if err != nil || len(answer) != 1 {
		return fmt.Errorf("%q is no answer: %v", header, err)
	}
	if err := legal(offers[first], answer[0]); err != nil {
		return fmt.Errorf("%q is not legal: %w", header, err)
	}
	if want := termsOf(answer[0]); terms != want {
		return fmt.Errorf("%q means %+v, not %+v", header, want, terms)
	}
	// What is kept is what was wished for, and no answer hinders more than that needs.
	if terms.Receive.Takeover && 1<<terms.Receive.Bits > max(w.Receive, 256) {
		return fmt.Errorf("%q: it keeps %d bytes", header, 1<<terms.Receive.Bits)
	}
	asked, _ := param(offers[first], "server_no_context_takeover")
	if terms.Send.Takeover != (w.Send > 0 && !asked) {
		return fmt.Errorf("%q: takeover of the server is %v", header, terms.Send.Takeover)
	}
	hint, _ := param(offers[first], "client_no_context_takeover")
	bounded, bits := param(offers[first], "client_max_window_bits")
	if can := w.Receive > 0 && (bounded || 1<<bits <= w.Receive); terms.Receive.Takeover != (can && !hint) {
		return fmt.Errorf("%q: takeover of the client is %v", header, terms.Receive.Takeover)
	}
	return nil
}

// checkAccept returns what is wrong with the acceptance of an answer to this side's offer: it must be
// accepted if and only if it is legal for one of the elements. nil is nothing.
func checkAccept(answer proto.Extension, w Wish) error {
	offers, err := proto.ParseExtensions([]string{Offer(w)})
	if err != nil {
		return fmt.Errorf("the offer: %w", err)
	}
	want := false
	for _, o := range offers {
		want = want || legal(o, answer) == nil
	}
	t, err := Accept(answer, w)
	if (err == nil) != want {
		return fmt.Errorf("legal: %v, accepted with %v", want, err)
	}
	if err != nil {
		if t != (Terms{}) {
			return fmt.Errorf("not accepted with %+v", t)
		}
		return nil
	}
	server := termsOf(answer)
	server.Receive.Takeover = server.Receive.Takeover && w.Send > 0
	if t.Send != server.Receive || t.Receive != server.Send {
		return fmt.Errorf("means %+v to the server, accepted as %+v", server, t)
	}
	if t.Receive.Takeover && 1<<t.Receive.Bits > max(w.Receive, 256) {
		return fmt.Errorf("the client keeps %d bytes", 1<<t.Receive.Bits)
	}
	return nil
}
