//go:build !amd64

package proto

// eachWay calls f for every way in which this machine can mask and check text.
func eachWay(f func(way string)) { f("plain") }
