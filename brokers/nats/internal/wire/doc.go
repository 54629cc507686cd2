// Package wire is what nodes write to NATS, as pure code: the names of rooms in subjects, and what
// stands before a message.
package wire
