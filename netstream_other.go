//go:build !unix

package spout

import "syscall"

// rawConn returns nil: here package net alone reads and writes.
func rawConn(syscall.Conn) syscall.RawConn { return nil }

func rawRead(syscall.RawConn, pusher) { panic("no raw connections here") }

func rawWrite(syscall.RawConn, []byte, bool) (int, error) { panic("no raw connections here") }
