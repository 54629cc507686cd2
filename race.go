//go:build race

package spout

// raceDetector tells that the program is built with it.
const raceDetector = true
