//go:build !race

package proto

// dropped is how many buffers a pool may have to make where it should have one.
const dropped = 0
