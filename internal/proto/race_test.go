//go:build race

package proto

// dropped is how many buffers a pool may have to make where it should have one: the race
// detector has pools drop some at random.
const dropped = 1
