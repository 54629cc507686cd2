package main

import "time"
import "errors"

type broker struct{ url string }

func startBroker(int) (*broker, error)       { return nil, errors.New("later") }
func (b *broker) stop() error                 { return nil }
func (b *broker) cpu() (time.Duration, error) { return 0, nil }
