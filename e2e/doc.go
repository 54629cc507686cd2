// Package e2e tests spout against what it will meet: a real browser, the
// clients and servers of other libraries, and proxies. It has nothing but tests.
package e2e
