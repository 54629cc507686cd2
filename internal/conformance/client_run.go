package conformance

// ClientChecker runs cases against clients, which connect to it.
type ClientChecker struct{}
