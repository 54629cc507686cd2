package poll

import (
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// After all tests, goroutines and descriptors must be back where they were.
func TestMain(m *testing.M) { testenv.Main(m) }
