package wire

// Control returns the masked control frame with the opcode and this payload of at most 125 bytes.
func Control(op byte, payload []byte) []byte { return frame(final|op, payload) }
