package report

import (
	"fmt"
	"slices"
	"strconv"
)

// Digits prints three digits at least.
func Digits(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return Whole(v)
}

// Hundredths prints two digits behind the point.
func Hundredths(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// Whole prints a number without a fraction, in groups of three digits.
func Whole(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Spread returns the median of values, of which there is one at least, the least and the greatest.
func Spread(values []float64) (median, least, most float64) {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]
}
