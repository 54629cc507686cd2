//go:build unix

package main

import (
	"os"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// The nodes are processes of the test's own program.
func TestMain(m *testing.M) {
	if config, ok := os.LookupEnv(nodeVariable); ok {
		exit(runNode(config))
	}
	testenv.Main(m)
}
