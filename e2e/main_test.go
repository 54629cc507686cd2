package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(proxiedURL); url != "" {
		if err := converse(context.Background(), new(spout.Dialer), url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m)
}
