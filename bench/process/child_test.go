package process

import (
	"slices"
	"testing"
)

// TestChild holds that a child answers, tells what is wrong, runs where it is told to, and ends.
func TestChild(t *testing.T) {
	cpus, err := CPUs()
	known(t, err)
	last := cpus[len(cpus)-1]
	for _, x := range []struct {
		cpu  int
		want []int
	}{{-1, cpus}, {last, []int{last}}} {
		c, err := Start(x.cpu, childArgument)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		if err := c.Ask("cpus", nil, &got); err != nil || !slices.Equal(got, x.want) {
			t.Errorf("on CPU %d: %v, %v, want %v", x.cpu, got, err, x.want)
		}
		var sum int
		if err := c.Ask("add", []int{1, 2}, &sum); err != nil || sum != 3 {
			t.Errorf("%d, %v", sum, err)
		}
		if err := c.Ask("nonsense", nil, nil); err == nil || err.Error() != "unknown question" {
			t.Errorf("an unknown question: %v", err)
		}
		if err := c.Ask("exit", nil, nil); err == nil {
			t.Error("a child that is gone has answered")
		}
		if err := c.Stop(); err == nil {
			t.Error("a child that failed has ended well")
		}
	}
	if got, err := CPUs(); err != nil || !slices.Equal(got, cpus) {
		t.Errorf("this process runs on %v, %v", got, err)
	}
}
