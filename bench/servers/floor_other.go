//go:build !linux

package servers

import "errors"

var floor = &Library{Name: "floor", can: func(Setup) error { return errors.New("is made of system calls of Linux") }}
