//go:build !unix

package spout

import "syscall"

// rawConn is nothing here: package net alone reads and writes.
type rawConn struct{}

func newRawConn(syscall.Conn) *rawConn { return nil }

func (*rawConn) read(func([]byte) bool) error    { panic("unreachable") }
func (*rawConn) write([]byte, bool) (int, error) { panic("unreachable") }
