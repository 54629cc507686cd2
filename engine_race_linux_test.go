//go:build race

package spout_test

// engineConns is how many connections a test of many has.
const engineConns = 200
