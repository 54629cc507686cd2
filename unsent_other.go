//go:build !linux

package spout

import "net"

// limitUnsent does nothing: what a socket holds back is not known to be a matter here.
func limitUnsent(*net.TCPConn) {}
