//go:build unix

package main

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// echo is a server that sends back what comes.
func echo(t *testing.T) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return ln.Addr().String()
}

// through connects to a server through a proxy.
func through(t *testing.T, p *proxy) net.Conn {
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// answered sends a word, and returns what comes back of it.
func answered(c net.Conn, word string) (string, error) {
	if _, err := io.WriteString(c, word); err != nil {
		return "", err
	}
	b := make([]byte, len(word))
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

func TestProxy(t *testing.T) {
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	c := through(t, p)
	if got, err := answered(c, "hello"); got != "hello" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}

	p.setDelay(50 * time.Millisecond)
	begun := time.Now()
	if got, err := answered(c, "later"); got != "later" || err != nil || time.Since(begun) < 100*time.Millisecond {
		t.Fatalf("%q, %v after %v; want 50 ms each way", got, err, time.Since(begun))
	}
	p.setDelay(0)

	p.part()
	during := through(t, p)
	if _, err := io.WriteString(c, "swallowed"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(during, "swallowed"); err != nil {
		t.Fatal(err)
	}
	for connected := 0; connected < 2; { // what is accepted after the partition has none
		p.mu.Lock()
		connected = len(p.links)
		p.mu.Unlock()
		runtime.Gosched()
	}
	p.heal()
	for _, old := range []net.Conn{c, during} {
		if n, err := old.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%d bytes, %v on a connection of which something was swallowed; want none and an error", n, err)
		}
	}
	again := through(t, p)
	if got, err := answered(again, "again"); got != "again" || err != nil {
		t.Fatalf("%q, %v after the partition", got, err)
	}

	p.reset(func(*link) bool { return true })
	if n, err := again.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes, %v on a connection that was reset", n, err)
	}
}
