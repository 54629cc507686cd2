package deflate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/proto"
)

// wishes are all there are that matter: none, the smallest window, the default, the largest.
func wishes() (all []Wish) {
	for _, send := range []int{0, 256, 4096, 5000, 32768} {
		for _, receive := range []int{0, 256, 4096, 32768} {
			all = append(all, Wish{send, receive})
		}
	}
	return all
}

const declined = "declined"

// RFC 7692, 7.1: what a server answers. "pd" stands for the name of the extension.
func TestAnswer(t *testing.T) {
	usual := Wish{Send: 4096, Receive: 4096}
	for _, e := range []struct {
		offer  string // header values are separated by a line feed
		wish   Wish
		answer string
	}{
		// The parameters one by one, by a server that keeps 4 KiB for each direction.
		{"pd", usual, "pd; client_no_context_takeover"},
		{"pd; server_no_context_takeover", usual, "pd; server_no_context_takeover; client_no_context_takeover"},
		{"pd; client_no_context_takeover", usual, "pd; client_no_context_takeover"},
		{"pd; client_max_window_bits", usual, "pd; client_max_window_bits=12"},
		{"pd; client_max_window_bits=15", usual, "pd; client_max_window_bits=12"},
		{"pd; client_max_window_bits=12", usual, "pd; client_max_window_bits=12"},
		{"pd; client_max_window_bits=11", usual, "pd; client_max_window_bits=11"},
		{"pd; client_max_window_bits=8", usual, "pd; client_max_window_bits=8"},
		{"pd; server_max_window_bits=15; client_max_window_bits", usual, "pd; server_max_window_bits=15; client_max_window_bits=12"},
		{"pd; server_max_window_bits=8; client_max_window_bits", usual, "pd; server_max_window_bits=8; client_max_window_bits=12"},
		{"pd; client_max_window_bits; client_no_context_takeover", usual, "pd; client_no_context_takeover"},
		{"pd; client_max_window_bits=9; client_no_context_takeover", usual, "pd; client_no_context_takeover; client_max_window_bits=9"},
		{"pd; client_max_window_bits=10; server_max_window_bits=9; client_no_context_takeover; server_no_context_takeover", usual,
			"pd; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover; client_max_window_bits=10"},

		// Other wishes.
		{"pd", Wish{32768, 32768}, "pd"},
		{"pd; client_max_window_bits", Wish{32768, 32768}, "pd"},
		{"pd; client_max_window_bits=9", Wish{32768, 32768}, "pd; client_max_window_bits=9"},
		{"pd; client_max_window_bits", Wish{32768, 256}, "pd; client_max_window_bits=8"},
		{"pd", Wish{0, 0}, "pd; server_no_context_takeover; client_no_context_takeover"},
		{"pd; client_max_window_bits", Wish{0, 0}, "pd; server_no_context_takeover; client_no_context_takeover"},
		{"pd; client_max_window_bits=9", Wish{0, 0}, "pd; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9"},
		{"pd; server_max_window_bits=9", Wish{0, 0}, "pd; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover"},
		{"pd; client_max_window_bits", Wish{0, 4096}, "pd; server_no_context_takeover; client_max_window_bits=12"},

		// The grammar.
		{`pd; client_max_window_bits="10"`, usual, "pd; client_max_window_bits=10"},
		{`pd; client_max_window_bits="\1\0"`, usual, "pd; client_max_window_bits=10"},
		{"\t pd ;\tclient_max_window_bits = 10 ", usual, "pd; client_max_window_bits=10"},
		{",,pd; client_max_window_bits,,", usual, "pd; client_max_window_bits=12"},

		// Invalid values.
		{"pd; server_no_context_takeover=1", usual, declined},
		{"pd; server_no_context_takeover=true", usual, declined},
		{"pd; client_no_context_takeover=\"\"", usual, declined},
		{"pd; client_no_context_takeover=0", usual, declined},
		{"pd; server_max_window_bits", usual, declined},
		{"pd; server_max_window_bits=", usual, declined},
		{"pd; server_max_window_bits=7", usual, declined},
		{"pd; server_max_window_bits=16", usual, declined},
		{"pd; server_max_window_bits=0", usual, declined},
		{"pd; server_max_window_bits=-9", usual, declined},
		{"pd; server_max_window_bits=+9", usual, declined},
		{"pd; server_max_window_bits=08", usual, declined},
		{"pd; server_max_window_bits=010", usual, declined},
		{"pd; server_max_window_bits=9.0", usual, declined},
		{"pd; server_max_window_bits=0x9", usual, declined},
		{"pd; server_max_window_bits=1_0", usual, declined},
		{"pd; server_max_window_bits=1e1", usual, declined},
		{"pd; server_max_window_bits=4294967304", usual, declined},
		{"pd; server_max_window_bits=18446744073709551624", usual, declined},
		{"pd; server_max_window_bits=９", usual, declined},
		{`pd; server_max_window_bits="09"`, usual, declined},
		{`pd; server_max_window_bits=" 9"`, usual, declined},
		{"pd; client_max_window_bits=", usual, declined},
		{"pd; client_max_window_bits=7", usual, declined},
		{"pd; client_max_window_bits=16", usual, declined},
		{"pd; client_max_window_bits=08", usual, declined},
		{"pd; client_max_window_bits=+9", usual, declined},
		{"pd; client_max_window_bits=any", usual, declined},

		// Repeated, unknown, malformed.
		{"pd; server_no_context_takeover; server_no_context_takeover", usual, declined},
		{"pd; client_no_context_takeover; client_no_context_takeover", usual, declined},
		{"pd; server_max_window_bits=9; server_max_window_bits=9", usual, declined},
		{"pd; client_max_window_bits; client_max_window_bits", usual, declined},
		{"pd; client_max_window_bits; client_max_window_bits=9", usual, declined},
		{"pd; client_max_window_bits=9; client_max_window_bits", usual, declined},
		{"pd; mystery", usual, declined},
		{"pd; max_window_bits=9", usual, declined},
		{"pd; Client_Max_Window_Bits", usual, declined},
		{"pd;", usual, declined},
		{"pd; ; client_max_window_bits", usual, declined},
		{"pd client_max_window_bits", usual, declined},
		{"pd; client_max_window_bits=9 10", usual, declined},
		{`pd; client_max_window_bits="9`, usual, declined},
		{"permessage-defl", usual, declined},
		{"permessage-deflate2", usual, declined},
		{"x-webkit-deflate-frame", usual, declined},
		{"permessage-bzip2", usual, declined},
		{"", usual, declined},

		// Several offers, in one value and in many.
		{"pd; mystery, pd; client_max_window_bits", usual, "pd; client_max_window_bits=12"},
		{"pd; server_max_window_bits=16, pd; server_max_window_bits=10, pd", usual, "pd; server_max_window_bits=10; client_no_context_takeover"},
		{"pd; server_max_window_bits=8, pd", usual, "pd; server_max_window_bits=8; client_no_context_takeover"},
		{"permessage-bzip2; level=9, pd; client_max_window_bits=9", usual, "pd; client_max_window_bits=9"},
		{"pd;;, pd; client_max_window_bits", usual, "pd; client_max_window_bits=12"},
		{"pd; mystery\npd; client_max_window_bits", usual, "pd; client_max_window_bits=12"},
		{"pd; mystery, pd; mystery", usual, declined},
		{`foo; a="x, pd", pd; client_max_window_bits`, usual, "pd; client_max_window_bits=12"},
		{`foo; a="x, pd; client_max_window_bits`, usual, declined},
		{`foo; a="pd", pd; client_max_window_bits`, usual, "pd; client_max_window_bits=12"},
	} {
		values := strings.Split(strings.ReplaceAll(e.offer, "pd", Name), "\n")
		offers, _ := proto.ParseExtensions(values)
		_, got, ok := Answer(offers, e.wish)
		if !ok {
			got = declined
		}
		if want := strings.ReplaceAll(e.answer, "pd", Name); got != want {
			t.Errorf("%q, %+v: answered %q, want %q", e.offer, e.wish, got, want)
		}
		for _, w := range wishes() {
			if err := checkAnswer(values, w); err != nil {
				t.Errorf("%q, %+v: %v", e.offer, w, err)
			}
		}
	}
}

// RFC 7692, 7.1: which answers a client has to fail the connection for.
func TestAccept(t *testing.T) {
	none, small, large := Wish{0, 0}, Wish{4096, 4096}, Wish{32768, 32768}
	for _, e := range []struct {
		answer             string
		none, small, large bool // accepted
	}{
		{"pd", false, false, true},
		{"pd; server_no_context_takeover", true, true, true},
		{"pd; client_no_context_takeover", false, false, true},
		{"pd; server_no_context_takeover; client_no_context_takeover", true, true, true},
		{"pd; server_max_window_bits=12", false, true, true},
		{"pd; server_max_window_bits=8", false, true, true},
		{"pd; server_max_window_bits=13", false, false, true},
		{"pd; server_max_window_bits=15", false, false, true},
		{"pd; server_max_window_bits=13; server_no_context_takeover", true, true, true},
		{"pd; server_max_window_bits=12; client_max_window_bits=9", false, true, true},
		{"pd; client_max_window_bits=9; server_no_context_takeover", true, true, true},
		{"pd; client_max_window_bits=15; server_no_context_takeover", true, true, true},

		{"pd; server_no_context_takeover; client_max_window_bits", false, false, false},
		{"pd; server_no_context_takeover; client_max_window_bits=7", false, false, false},
		{"pd; server_no_context_takeover; client_max_window_bits=16", false, false, false},
		{"pd; server_no_context_takeover; client_max_window_bits=08", false, false, false},
		{"pd; server_no_context_takeover; client_max_window_bits=+9", false, false, false},
		{"pd; server_no_context_takeover; client_max_window_bits=9; client_max_window_bits=9", false, false, false},
		{"pd; server_no_context_takeover; server_max_window_bits", false, false, false},
		{"pd; server_no_context_takeover; server_max_window_bits=7", false, false, false},
		{"pd; server_no_context_takeover; server_max_window_bits=16", false, false, false},
		{"pd; server_no_context_takeover; server_max_window_bits=010", false, false, false},
		{"pd; server_no_context_takeover; server_max_window_bits=9; server_max_window_bits=9", false, false, false},
		{"pd; server_no_context_takeover; server_no_context_takeover", false, false, false},
		{"pd; server_no_context_takeover=1", false, false, false},
		{"pd; server_no_context_takeover; client_no_context_takeover=1", false, false, false},
		{"pd; server_no_context_takeover; client_no_context_takeover; client_no_context_takeover", false, false, false},
		{"pd; server_no_context_takeover; mystery", false, false, false},
		{"permessage-bzip2", false, false, false},
		{"permessage-deflat; server_no_context_takeover", false, false, false},
	} {
		answer, err := proto.ParseExtensions([]string{strings.ReplaceAll(e.answer, "pd", Name)})
		if err != nil {
			t.Fatal(err)
		}
		for w, want := range map[Wish]bool{none: e.none, small: e.small, large: e.large} {
			if _, err := Accept(answer[0], w); (err == nil) != want {
				t.Errorf("%q, %+v: %v", e.answer, w, err)
			} else if err != nil && !strings.Contains(err.Error(), "permessage-") {
				t.Errorf("%q, %+v: the error does not name the extension: %v", e.answer, w, err)
			}
		}
		for _, w := range wishes() {
			if err := checkAccept(answer[0], w); err != nil {
				t.Errorf("%q, %+v: %v", e.answer, w, err)
			}
		}
	}
}

// What a client offers, and that a server of ours takes it, both with the same understanding.
func TestOffer(t *testing.T) {
	for w, want := range map[Wish]string{
		{0, 0}:    "pd; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
		{4096, 0}: "pd; server_no_context_takeover; client_max_window_bits",
		{4096, 4096}: "pd; server_max_window_bits=12; client_max_window_bits, " +
			"pd; server_no_context_takeover; client_max_window_bits",
		{0, 256}: "pd; server_max_window_bits=8; client_no_context_takeover; client_max_window_bits, " +
			"pd; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
		{4096, 32768}: "pd; client_max_window_bits",
	} {
		if got := Offer(w); got != strings.ReplaceAll(want, "pd", Name) {
			t.Errorf("%+v: %q", w, got)
		}
	}
	for _, client := range wishes() {
		for _, server := range wishes() {
			if err := checkAnswer([]string{Offer(client)}, server); err != nil {
				t.Errorf("client %+v, server %+v: %v", client, server, err)
			}
			if err := mirrored(client, server); err != nil {
				t.Errorf("client %+v, server %+v: %v", client, server, err)
			}
		}
	}
}

// mirrored returns an error unless both sides agree, and mean the same.
func mirrored(client, server Wish) error {
	offers, err := proto.ParseExtensions([]string{Offer(client)})
	if err != nil {
		return err
	}
	atServer, header, ok := Answer(offers, server)
	if !ok {
		return fmt.Errorf("%q is declined", Offer(client))
	}
	answer, err := proto.ParseExtensions([]string{header})
	if err != nil {
		return err
	}
	atClient, err := Accept(answer[0], client)
	if err != nil {
		return fmt.Errorf("%q is answered with %q: %w", Offer(client), header, err)
	}
	if atClient.Send != atServer.Receive || atClient.Receive != atServer.Send {
		return fmt.Errorf("%q, %q: %+v at the client, %+v at the server", Offer(client), header, atClient, atServer)
	}
	return nil
}

// The work for an answer is bounded by what the list of offers may hold, however long the header is.
func TestAnswerIsLinear(t *testing.T) {
	for _, unit := range []string{"pd; mystery, ", "pd; client_max_window_bits=99; server_max_window_bits=7, ", "pd; a; b; c; d; e; f; g; h; i; j; k; l, "} {
		unit = strings.ReplaceAll(unit, "pd", Name)
		var previous float64
		for _, times := range []int{30, 300, 3000} {
			offers, _ := proto.ParseExtensions([]string{strings.Repeat(unit, times)})
			n := testing.AllocsPerRun(10, func() { Answer(offers, Wish{4096, 4096}) })
			if n > 400 || previous > 0 && n > 4*previous+10 {
				t.Errorf("%.30q %d times: %v allocations, before %v", unit, times, n, previous)
			}
			previous = n
		}
	}
}
