//go:build !race

package proto

// dropped is how many times a pool may have to allocate for each frame.
const dropped = 0
