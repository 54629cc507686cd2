// Package hub is rooms: what a connection publishes in a room, every connection that has joined it
// receives. On one node it needs nothing else; over many nodes a [Broker] carries the messages, and the
// program stays the same.
package hub
