package main

import (
	"context"
	"sync"

	"github.com/spoutws/spout/hub"
)

// broker returns how nodes connect to the broker that they share, and what ends that.
func (o demoOptions) broker() (connect, func(), error) {
	shared := new(sharedMemory)
	return func(string) (hub.Broker, func(), error) { return shared, nil, nil }, func() {}, nil
}

// sharedMemory has one Log for all.
type sharedMemory struct {
	hub.Memory
	once sync.Once
	log  hub.Log
}

func (b *sharedMemory) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	b.once.Do(func() { b.log, _ = b.Memory.OpenLog(ctx, h) })
	return b.log, nil
}
