//go:build race

package proto

// dropped is how many times a pool may have to allocate for each frame: the race
// detector has pools drop some at random.
const dropped = 1
