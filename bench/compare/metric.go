package main

import "github.com/spoutws/spout/bench/report"

// sample is one measurement of one server; what is of a message or of a connection is divided already.
type sample struct {
	CPU            float64 // nanoseconds of the server for a message
	Rate           float64 // messages a second
	P50, P99, P999 float64 // nanoseconds until a message was back
	Allocs, Bytes  float64 // of a message
	Wire           float64 // bytes that the server sent for a message
	Memory         float64 // resident bytes of an idle connection
	Goroutines     float64 // of an idle connection
}

// metric is a figure of a sample.
type metric struct {
	name   string
	unit   string // what it is printed in
	get    func(sample) float64
	print  func(float64) string
	relate bool // the lesser, the better: it is compared
}

var (
	cpu        = metric{"CPU", "us", func(s sample) float64 { return s.CPU / 1e3 }, report.Digits, true}
	rate       = metric{"messages/s", "", func(s sample) float64 { return s.Rate }, report.Whole, false}
	p50        = metric{"p50", "us", func(s sample) float64 { return s.P50 / 1e3 }, report.Digits, true}
	p99        = metric{"p99", "us", func(s sample) float64 { return s.P99 / 1e3 }, report.Digits, false}
	p999       = metric{"p99.9", "us", func(s sample) float64 { return s.P999 / 1e3 }, report.Digits, false}
	allocs     = metric{"allocations", "", func(s sample) float64 { return s.Allocs }, report.Hundredths, false}
	allocBytes = metric{"bytes allocated", "", func(s sample) float64 { return s.Bytes }, report.Whole, false}
	wireBytes  = metric{"bytes sent", "", func(s sample) float64 { return s.Wire }, report.Whole, false}
	memory     = metric{"memory", "B", func(s sample) float64 { return s.Memory }, report.Whole, true}
	goroutines = metric{"goroutines", "", func(s sample) float64 { return s.Goroutines }, report.Hundredths, false}
)

// String returns the name and the unit.
func (m metric) String() string {
	if m.unit == "" {
		return m.name
	}
	return m.name + ", " + m.unit
}
