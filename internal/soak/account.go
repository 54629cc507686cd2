package main

import "fmt"

// account is what a client knows about its messages: those up to acked came back, those up to sent may have
// reached the server.
type account struct {
	sent, acked int
}

// echoed takes the echo of message n: each comes once, in order.
func (a *account) echoed(n int) error {
	if n != a.acked+1 || n > a.sent {
		return fmt.Errorf("echo of message %d; the last was %d, sent were %d", n, a.acked, a.sent)
	}
	a.acked = n
	return nil
}

// resumed takes what the server says at the begin of a connection: the message that it had last. exactly is
// that message if the last connection ended in good order, else -1.
func (a *account) resumed(last, exactly int) error {
	switch {
	case last < a.acked:
		return fmt.Errorf("lost: the server's last message is %d, but %d was acknowledged", last, a.acked)
	case last > a.sent:
		return fmt.Errorf("the server's last message is %d, sent were %d", last, a.sent)
	case exactly >= 0 && last != exactly:
		return fmt.Errorf("the server's last message is %d; after an orderly end it must be %d", last, exactly)
	}
	a.sent, a.acked = last, last
	return nil
}
