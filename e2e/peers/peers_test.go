package peers

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// Each server echoes, agrees to the subprotocol, and closes as asked.
func TestPeers(t *testing.T) {
	for _, p := range All {
		t.Run(string(p), func(t *testing.T) {
			url := Start(t, p)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"other", Subprotocol}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if c.Subprotocol() != Subprotocol {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
			c.SetReadLimit(-1)
			big := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
			for _, m := range []struct {
				t    websocket.MessageType
				data []byte
			}{{websocket.MessageText, []byte("Grüße")}, {websocket.MessageBinary, []byte{0, 255}}, {websocket.MessageBinary, big}} {
				if err := c.Write(ctx, m.t, m.data); err != nil {
					t.Fatal(err)
				}
				mt, data, err := c.Read(ctx)
				if err != nil || mt != m.t || !bytes.Equal(data, m.data) {
					t.Fatalf("echo of %d bytes: %v, %d bytes, %v", len(m.data), mt, len(data), err)
				}
			}

			c, _, err = websocket.Dial(ctx, url+"/close/4001", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != 4001 {
				t.Errorf("close: %v", err)
			}
		})
	}
}
