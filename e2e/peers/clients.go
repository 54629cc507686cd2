package peers

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// urlWord is what the URL takes the place of in a command.
const urlWord = "{url}"

// Client returns the command that runs the echo client of p, with the defaults of its library: it
// connects to the URL that takes the place of "{url}", sends every message back with its type, and
// ends when the connection does. Those of Go are in the test's own binary, whose TestMain calls
// [RunClient].
func Client(t testing.TB, p Peer) []string {
	t.Helper()
	if p == Gorilla || p == Coder {
		path, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		return []string{"env", clientVariable + "=" + string(p), path, urlWord}
	}
	path := filepath.Join(sourceDir(), string(p)+"_client.py")
	if p == WS {
		path = filepath.Join(sourceDir(), "node", "ws_client.mjs")
	}
	return Script(t, p, path, urlWord).Args
}

// clientVariable names the peer as whose client a test's binary is to run.
const clientVariable = "SPOUT_TEST_CLIENT_OF"

// RunClient runs the client that the environment names, to its end, and reports whether it names
// one.
func RunClient() (ran bool, err error) {
	switch Peer(os.Getenv(clientVariable)) {
	case Gorilla:
		return true, gorillaClient(os.Args[1])
	case Coder:
		return true, coderClient(os.Args[1])
	}
	return false, nil
}

func gorillaClient(url string) error {
	c, _, err := gorilla.DefaultDialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		t, data, err := c.ReadMessage()
		if err != nil {
			return err
		}
		if err := c.WriteMessage(t, data); err != nil {
			return err
		}
	}
}

func coderClient(url string) error {
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	for {
		t, data, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if err := c.Write(ctx, t, data); err != nil {
			return err
		}
	}
}
