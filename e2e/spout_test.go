package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// buildSpout builds the command and returns its path. It has the race detector
// if this test has it, or with SPOUT_RACE=1 in the environment: a race then ends
// the process with an exit status.
func buildSpout(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spout")
	args := []string{"build", "-o", path}
	if raceEnabled || os.Getenv("SPOUT_RACE") == "1" {
		args = append(args, "-race")
	}
	build := exec.Command(testenv.Need(t, "go"), append(args, "github.com/spoutws/spout/cmd/spout")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	return path
}

// server is a running spout command.
type server struct {
	*child
	url *url.URL // what it printed: where its page is
}

var printedURL = regexp.MustCompile(`https?://\S+`)

// runSpout runs the command and returns when it serves. Unless the test kills
// it, it must in the end still answer SIGTERM with exit status 0.
func runSpout(t *testing.T, path string, args ...string) *server {
	t.Helper()
	s := &server{child: start(t, exec.Command(path, args...))}
	t.Cleanup(func() {
		if s.killed {
			return
		}
		if err := s.terminate(); err != nil {
			t.Errorf("%s ended with %v", s.cmd, err)
		}
	})
	for s.url == nil {
		if found := printedURL.FindString(s.line(t)); found != "" {
			u, err := url.Parse(found)
			if err != nil {
				t.Fatal(err)
			}
			s.url = u
		}
	}
	return s
}
