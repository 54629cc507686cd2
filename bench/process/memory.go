// Package process starts processes of this program, and tells what they have
// used of the machine.
package process

import (
	"fmt"
	"os"
	"strings"
)

// ResidentMemory returns the resident memory of this process that belongs to it
// alone, in bytes: without the pages of the program's file and other shared ones. It is only known on Linux.
func ResidentMemory() (int64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident, shared int64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident, &shared); err != nil {
		return 0, err
	}
	return (resident - shared) * int64(os.Getpagesize()), nil
}
