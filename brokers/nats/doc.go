// Package natsbroker is a [hub.Broker] over NATS: with it the rooms of package hub span many nodes.
//
//	broker, err := natsbroker.Connect(ctx, natsbroker.Options{URL: "nats://nats.example:4222"})
//	...
//	rooms := &hub.Hub{Broker: broker}
//
// Messages of rooms without history go over core NATS, those of rooms with history over a stream of
// JetStream; who is in a room the nodes tell each other. Nothing is lost without a word: messages are
// counted, the connection and the subscriptions are tried all the time, and whatever may be missing is
// announced by [hub.Subscriber.Lost]. [Broker.Health] tells whether all is well.
package natsbroker
