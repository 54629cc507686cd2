package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestReport(t *testing.T) {
	const input = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    a_test.go:1: quiet\n"}
{"Action":"pass","Package":"a","Test":"TestGood","Elapsed":0.04}
{"Action":"run","Package":"a","Test":"TestAbsent/x"}
{"Action":"output","Package":"a","Test":"TestAbsent/x","Output":"    a_test.go:9: the tool: not installed\n"}
{"Action":"output","Package":"a","Test":"TestAbsent/x","Output":"--- SKIP: TestAbsent/x (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestAbsent/x"}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a","Elapsed":1.5}
{"Action":"run","Package":"b","Test":"TestBad"}
{"Action":"output","Package":"b","Test":"TestBad","Output":"    b_test.go:2: why it failed\n"}
{"Action":"fail","Package":"b","Test":"TestBad","Elapsed":12.34}
{"Action":"run","Package":"b","Test":"TestHung"}
{"Action":"output","Package":"b","Test":"TestHung","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"b"}
{"ImportPath":"c","Action":"build-output","Output":"c.go:1:1: syntax error\n"}
not JSON at all
`
	var out, log bytes.Buffer
	r := newReport(&out, &log)
	if err := r.read(strings.NewReader(input)); err != nil {
		t.Fatal(err)
	}
	r.summary()

	for _, want := range []string{
		"ok  \ta\t0.1s\n",
		"why it failed",
		"panic: test timed out",
		"syntax error",
		"not JSON at all",
		"1 tests passed, 1 failed, 1 skipped",
		"FAILED b TestBad\n",
		"SKIPPED a TestAbsent/x: the tool: not installed\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, no := range []string{"quiet", "PASS"} {
		if strings.Contains(out.String(), no) {
			t.Errorf("the report contains %q", no)
		}
		if !strings.Contains(log.String(), no) {
			t.Errorf("the log lacks %q", no)
		}
	}
	const slow = "\nWhat took longest, in seconds:\n    12.3 b TestBad\n     1.5 a\n     0.0 a TestGood\n"
	if !strings.HasSuffix(log.String(), slow) {
		t.Errorf("the log ends with %q, want %q", log.String()[max(0, log.Len()-len(slow)):], slow)
	}
	if t.Failed() {
		t.Logf("report:\n%s", out.String())
	}
}

// Of many tests the log names only those that took longest.
func TestLongest(t *testing.T) {
	var out, log bytes.Buffer
	r := newReport(&out, &log)
	for i := range 2 * longest {
		r.add(event{Action: "pass", Package: "a", Test: fmt.Sprintf("Test%d", i), Elapsed: float64(1 + i)})
	}
	r.summary()
	if n := strings.Count(log.String(), " a Test"); n != longest {
		t.Errorf("%d tests are named, want %d", n, longest)
	}
	if !strings.Contains(log.String(), fmt.Sprintf(" a Test%d\n", 2*longest-1)) {
		t.Error("the test that took longest is not named")
	}
}
