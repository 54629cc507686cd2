//go:build unix

package main

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(99-i))
	}
	if p50, p99 := percentile(all, 50), percentile(all, 99); p50 != 50 || p99 != 99 {
		t.Errorf("p50 %d, p99 %d of 0 to 99", p50, p99)
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("p99 of none is %d", got)
	}
}

func TestCrowding(t *testing.T) {
	var even, burst []time.Duration
	for i := range 1000 {
		even = append(even, time.Duration(i)*time.Millisecond)
		burst = append(burst, time.Duration(i)*time.Millisecond)
	}
	for range 400 {
		burst = append(burst, 500*time.Millisecond)
	}
	if got := crowding(even); got < 0.9 || got > 1.2 {
		t.Errorf("%.2f times the mean for times that are even", got)
	}
	if got := crowding(burst); got < 3 {
		t.Errorf("%.2f times the mean, with 400 of 1400 at once", got)
	}
	if got := crowding(append(even, burst[:10]...)); got == 0 {
		t.Error("0 for groups of which one is small")
	}
}
