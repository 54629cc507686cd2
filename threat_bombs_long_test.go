//go:build long && !race

package spout_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/spoutws/spout"
)

// T3: of many messages that become large, each is held while it is received, and no longer.
func TestT3ManySmallBombs(t *testing.T) {
	const messages, size, atMost = 1_000_000, 1000, 2_000_000
	var most int64
	for _, takeover := range []bool{false, true} {
		t.Run(fmt.Sprintf("takeover %v", takeover), func(t *testing.T) {
			const burst = 1000
			received, bytesReceived := make(chan int), 0
			srv := &spout.Server{Options: spout.Options{Compression: &spout.Deflate{}, Logger: silent}}
			n := 0
			addr := serveTCP(t, &http.Server{Handler: srv.HandlerFunc(func(_ *spout.Conn, m spout.Message) error {
				bytesReceived += len(m.Data)
				if n++; n == burst || n == messages {
					received <- bytesReceived
				}
				return nil
			})})
			p := dialTCP(t, addr)
			extension := "permessage-deflate; client_no_context_takeover"
			if takeover {
				extension = "permessage-deflate; client_max_window_bits"
			}
			p.upgrade("/", "Sec-WebSocket-Extensions: "+extension)
			frame := masked(fin|rsv1|opBinary, bomb(t, size))
			frames := bytes.Repeat(frame, burst)
			p.send(frames)
			<-received
			before := live()
			for range messages/burst - 1 {
				p.send(frames)
			}
			if n := <-received; n != messages*size {
				t.Errorf("%d bytes received, want %d", n, messages*size)
			}
			held := live() - before
			p.send(masked(fin|opClose, closing(1000, "")))
			p.wantClose(1000)
			t.Logf("%d messages of %d bytes that become %d: %d bytes more held", messages, len(frame), size, held)
			if most = max(most, held); held > atMost {
				t.Errorf("over %d", atMost)
			}
		})
	}
	figure(t, most <= atMost, "2 MB", "1 M messages that become %d bytes each hold %s", size, kB(most))
}
