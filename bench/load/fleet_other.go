//go:build !linux

package load

import "errors"

func newFleet(Job) (runner, error) {
	return nil, errors.New("the client is made of system calls of Linux")
}
