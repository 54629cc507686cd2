package wire

const hexDigits = "0123456789ABCDEF"

// Token returns the part of a subject that stands for a room: letters, digits, '-' and '_' as they are, any
// other byte as in URLs. So it is never a wildcard, and one token whatever the room's name.
func Token(room string) string {
	plain := 0
	for plain < len(room) && IsPlain(room[plain]) {
		plain++
	}
	if plain == len(room) {
		return room
	}
	b := make([]byte, plain, len(room)+2*(len(room)-plain))
	copy(b, room)
	for _, c := range []byte(room[plain:]) {
		if IsPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// IsPlain reports whether a byte stands for itself in a Token.
func IsPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
