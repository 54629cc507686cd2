package load

import (
	"math/bits"
	"time"
)

// histogram counts durations, each with an error of at most 2 %.
type histogram struct {
	counts [64 * steps]int64
	total  int64
}

// steps is how many buckets there are between a duration and twice that.
const steps = 32

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 1)))]++
	h.total++
}

func bucket(n uint64) int {
	shift := max(0, bits.Len64(n)-6)
	return shift*steps + int(n>>shift)
}

// middle returns what stands for the durations of a bucket.
func middle(i int) time.Duration {
	if i < 2*steps {
		return time.Duration(i)
	}
	shift := i/steps - 1
	low := uint64(i-shift*steps) << shift
	return time.Duration(low + 1<<shift/2)
}

// quantile returns the duration that a share of the others does not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	left := int64(share * float64(h.total))
	for i, n := range h.counts {
		if left -= n; left < 0 {
			return middle(i)
		}
	}
	return 0
}
