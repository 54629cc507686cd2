// Package poll tells many sockets' handlers when there is something to read or write, without a
// goroutine for any socket that waits.
//
// An [Engine] has one or a few loops. A loop waits for readiness of its sockets and calls their
// handlers, one after the other, in the goroutine that leads it. A handler may take its time: a
// monitor sees that, and has another goroutine lead the loop meanwhile. The [Route] of such a
// socket is remembered as slow; from then on its sockets' handlers are called in goroutines of
// their own, until they have been quick for long enough.
//
// At any time a socket has at most one owner, a goroutine that is calling its handler. What
// happens meanwhile is noted, and the owner calls the handler again. Writing has nothing to do with
// that ownership.
//
// The package knows nothing of what the bytes mean.
package poll
