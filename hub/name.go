package hub

import (
	"fmt"
	"unicode/utf8"
)

const maxRoom = 128

// CheckRoom returns an error if no room may have this name: it must be valid UTF-8 of 1 to 128 bytes.
func CheckRoom(name string) error {
	if name == "" || len(name) > maxRoom || !utf8.ValidString(name) {
		return fmt.Errorf("hub: %.160q can't be the name of a room: want 1 to %d bytes of valid UTF-8", name, maxRoom)
	}
	return nil
}
