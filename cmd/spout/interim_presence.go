package main

import (
	"context"

	natsbroker "github.com/spoutws/spout/brokers/nats"
	"github.com/spoutws/spout/hub"
)

var interimMemory hub.Memory

type interim struct{ *natsbroker.Broker }

func (interim) Enter(ctx context.Context, room string, m hub.Member) error {
	return interimMemory.Enter(ctx, room, m)
}
func (interim) Exit(ctx context.Context, room, id string) error {
	return interimMemory.Exit(ctx, room, id)
}
func (interim) Members(ctx context.Context, room string) ([]hub.Member, error) {
	return interimMemory.Members(ctx, room)
}
func (interim) Watch(ctx context.Context, room string, f func(hub.PresenceEvent)) (func(), error) {
	return interimMemory.Watch(ctx, room, f)
}
