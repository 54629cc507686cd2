// Package process tells what this process has used of the machine.
package process

import (
	"fmt"
	"os"
	"strings"
)

// ResidentMemory returns the resident memory of this process, in bytes.
// It is only known on Linux.
func ResidentMemory() (int64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return 0, err
	}
	return resident * int64(os.Getpagesize()), nil
}
