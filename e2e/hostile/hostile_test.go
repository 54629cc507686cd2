package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/conformance"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// Every hostile case belongs to one row, and every row that names cases has some.
func TestRows(t *testing.T) {
	all := conformance.Cases()
	of := casesOf(all)
	in := make(map[string][]int)
	for _, r := range rows {
		if got := len(of[r.number]); (got > 0) != (r.ids != "") {
			t.Errorf("row %d has %d cases", r.number, got)
		}
		for _, c := range of[r.number] {
			in[c.ID] = append(in[c.ID], r.number)
		}
	}
	for _, c := range all {
		hostile := c.Family.Hostile() || c.Family == conformance.Negotiation
		if n := len(in[c.ID]); n > 1 || hostile && n == 0 {
			t.Errorf("%s is in the rows %v", c.ID, in[c.ID])
		}
	}
}

const output = `{"Action":"start","Package":"spout"}
{"Action":"run","Test":"TestT1Length"}
{"Action":"output","Test":"TestT1Length/sub","Output":"    a_test.go:1: figure: within | 1 s | holds\n"}
{"Action":"pass","Test":"TestT1Length/sub"}
{"Action":"output","Test":"TestT1Length","Output":"    a_test.go:12: figure: 5 kB of 7 | 4 kB | MISSED\n"}
{"Action":"output","Test":"TestT1Length","Output":"    a_test.go:13: a figure: 5 kB | 4 kB | MISSED\n"}
{"Action":"pass","Test":"TestT1Length"}
{"Action":"fail","Test":"TestT12Cut"}
{"Action":"fail","Test":"TestTable"}
{"Action":"fail"}
`

func TestReadTests(t *testing.T) {
	of := make(map[int]*tests)
	ran, err := readTests(strings.NewReader(output), of)
	if err != nil || ran != 2 || len(of) != 2 {
		t.Fatalf("%d tests of %d rows, %v", ran, len(of), err)
	}
	want := []figure{{"within", "1 s", true}, {"5 kB of 7", "4 kB", false}}
	if one := of[1]; one.passed != 1 || one.failed != 0 || !slices.Equal(one.figures, want) {
		t.Errorf("row 1: %+v", one)
	}
	if of[12].passed != 0 || of[12].failed != 1 {
		t.Errorf("row 12: %+v", of[12])
	}
	if _, err := readTests(strings.NewReader("no JSON"), of); err == nil {
		t.Error("what is no JSON is no error")
	}
}

// reported is a report in which all rows hold: of spout's server with one case a row, and of another
// that fails what it is asked.
func reported() (*report, map[int]*tests) {
	of := make(map[int]*tests)
	own, other := &server{name: "spout"}, &server{name: "another", version: "v9"}
	for _, s := range []*server{own, other} {
		s.answers = make(map[int]*answers)
		for _, r := range rows {
			of[r.number] = &tests{passed: 1, figures: []figure{{"1 kB", "2 kB", true}}}
			s.answers[r.number] = new(answers)
		}
	}
	for _, r := range rows {
		if r.ids != "" {
			c := conformance.Case{ID: "secret/case"}
			own.answers[r.number].add(conformance.Result{Case: c, Verdict: conformance.Pass,
				Measured: []conformance.Figure{{Name: "memory", Value: 1, Unit: "MiB", Bound: 2}}})
			other.answers[r.number].add(conformance.Result{Case: c, Verdict: conformance.Fail, Reason: "it burns",
				Measured: []conformance.Figure{{Name: "memory", Value: 77, Unit: "MiB", Bound: 2}}})
			other.answers[r.number].add(conformance.Result{Case: c, Verdict: conformance.Unsupported})
		}
	}
	return newReport(of, []*server{own, other}), of
}

// What is committed has rows of spout, and of others nothing but totals; what is printed has both.
func TestReport(t *testing.T) {
	rep, _ := reported()
	if rep.held() != len(rows) {
		t.Errorf("%d of %d rows hold", rep.held(), len(rows))
	}
	doc := rep.markdown()
	for _, want := range []string{
		"| 1 | lengths with the top bit set, 2^63-1, 1 TiB | 1 kB | 2 kB | 1 of 1 | yes |\n|  |  | spout serve: memory +1 MiB | 2 MiB |  |  |\n",
		"| 15 | predictable masks | 1 kB | 2 kB |  | yes |",
		"| another v9 | 0 of 20 |",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %q in\n%s", want, doc)
		}
	}
	for _, not := range []string{"secret/case", "burns", "77"} {
		if strings.Contains(doc, not) {
			t.Errorf("%q is in\n%s", not, doc)
		}
	}
	if strings.Count(doc, "another") != 1 {
		t.Errorf("another server has more than a total:\n%s", doc)
	}
	var out strings.Builder
	rep.print(&out, 0)
	for _, want := range []string{"another    0 of 1 cases passed, 0 lenient, 1 failed; memory 77 MiB (at most 2)\n", "25 of 25 rows hold; 0 s\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// A row does not hold if a test or a case failed, a figure is beyond its bound, or there is nothing.
func TestRowHolds(t *testing.T) {
	for name, spoil := range map[string]func(of *tests, a *answers){
		"a test failed": func(of *tests, _ *answers) { of.failed = 1 },
		"no test":       func(of *tests, _ *answers) { of.passed = 0 },
		"a bound":       func(of *tests, _ *answers) { of.figures[0].holds = false },
		"a case failed": func(_ *tests, a *answers) { a.add(conformance.Result{Verdict: conformance.Fail}) },
		"no case":       func(_ *tests, a *answers) { *a = answers{} },
		"a case's bound": func(_ *tests, a *answers) {
			a.add(conformance.Result{Verdict: conformance.Pass, Measured: []conformance.Figure{{Name: "memory", Value: 3, Bound: 2}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rep, of := reported()
			spoil(of[3], rep.servers[0].answers[3])
			if rep = newReport(of, rep.servers); rep.held() != len(rows)-1 {
				t.Errorf("%d of %d rows hold", rep.held(), len(rows))
			}
		})
	}
	rep, of := reported()
	of[15].figures = nil
	if rep = newReport(of, rep.servers); rep.held() != len(rows)-1 {
		t.Error("a row without a figure holds")
	}
}
