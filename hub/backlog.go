package hub

// backlog is what waits, as long as it is not too much.
type backlog[T any] struct {
	list []T
	size int // bytes
}

const (
	maxWaiting      = 4096
	maxWaitingBytes = 4 << 20
)

// add adds something of so many bytes. If that is too much, all is forgotten; one thing never is.
func (b *backlog[T]) add(v T, size int) bool {
	if len(b.list) == maxWaiting || len(b.list) > 0 && b.size+size > maxWaitingBytes {
		*b = backlog[T]{}
		return false
	}
	b.list = append(b.list, v)
	b.size += size
	return true
}
