//go:build !amd64

package proto

import "math"

// The lengths from which on wide instructions pay: there are none.
const (
	maskWideFrom = math.MaxInt
	textWideFrom = math.MaxInt
)

func maskWide(_ Key, p []byte) (rest []byte) { return p }

func textWide(p []byte) (rest []byte, ok bool) { return p, true }
