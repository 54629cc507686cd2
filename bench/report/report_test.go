package report

import (
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.104: "0.10", 9.5: "9.50", 27.44: "27.4", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		got := Digits(v)
		if v < 0 {
			got = Whole(v)
		}
		if got != want {
			t.Errorf("%v is printed as %s, want %s", v, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	var values []float64
	for i, want := range [][3]float64{{5, 5, 5}, {3, 1, 5}, {5, 1, 9}, {4, 1, 9}} {
		values = append(values, []float64{5, 1, 9, 3}[i])
		if median, least, most := Spread(values); [3]float64{median, least, most} != want {
			t.Errorf("of %v: %v, %v, %v, want %v", values, median, least, most, want)
		}
	}
}

// TestPlace holds that nothing is missing where something was measured.
func TestPlace(t *testing.T) {
	p := Here("any")
	p.End()
	var b strings.Builder
	p.Write(&b)
	for _, want := range []string{"| date | 20", "CPUs, ", "| Go | go1.", "`go run ./bench/any ", "| took | 0s |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
