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
//
// It needs NATS 2.11 or later, for rooms with history with JetStream. Where accounts have permissions, it
// publishes and subscribes to subjects that begin with Options.Prefix and to inboxes ("_INBOX.>"), and publishes
// to "$JS.API.>". Messages are limited by the server's max_payload, 1 MiB by default. A server that is alone
// writes to its disk without waiting: what it had acknowledged can be lost when the machine loses power, which
// is noticed and begins a new epoch; "sync_interval: always" in its configuration, or Options.Replicas,
// prevents it.
package natsbroker
