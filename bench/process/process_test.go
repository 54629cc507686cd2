package process

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// childArgument makes this program the child of a test.
const childArgument = "child"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		if err := Answer(os.Stdin, os.Stdout, answerTest); err != nil {
			panic(err)
		}
		return
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each child takes a second to end
	testenv.Main(m)
}

// answerTest is what the child answers.
func answerTest(name string, argument json.RawMessage) (any, error) {
	switch name {
	case "cpus":
		return CPUs()
	case "add":
		var n []int
		err := json.Unmarshal(argument, &n)
		return n[0] + n[1], err
	case "exit":
		os.Exit(3)
	}
	return nil, errors.New("unknown question")
}

// known ends a test of a figure that the system does not tell. Linux tells all.
func known(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case runtime.GOOS == "linux":
		t.Fatal(err)
	default:
		t.Skipf("not known on %s: %v", runtime.GOOS, err)
	}
}

func TestCPUTime(t *testing.T) {
	before, err := CPUTime()
	known(t, err)
	for sum, now := 0, before; now == before; sum++ {
		if now, err = CPUTime(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResidentMemory(t *testing.T) {
	const size = 32 << 20
	before, err := ResidentMemory()
	known(t, err)
	b := make([]byte, size)
	for i := 0; i < size; i += 1 << 10 {
		b[i] = 1
	}
	after, err := ResidentMemory()
	if err != nil || after-before < size/2 {
		t.Errorf("%d bytes were used, and the resident memory has grown by %d: %v", size, after-before, err)
	}
	runtime.KeepAlive(b)
}
