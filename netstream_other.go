//go:build !unix

package spout

import "syscall"

// rawConn returns nil: here package net alone reads and writes.
func rawConn(syscall.Conn) syscall.RawConn { return nil }

func (*netStream) rawRead() { panic("no raw connections here") }

func rawWrite(syscall.RawConn, []byte, bool) (int, error) { panic("no raw connections here") }
