package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/e2e/peers"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(proxiedURL); url != "" {
		end(converse(context.Background(), new(spout.Dialer), url))
	}
	if ran, err := peers.RunClient(); ran {
		end(err)
	}
	testenv.Main(m)
}

// end ends the test's binary where it does not test.
func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
