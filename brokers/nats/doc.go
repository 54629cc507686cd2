// Package natsbroker carries the rooms of package hub over NATS, so that they span many nodes.
package natsbroker
