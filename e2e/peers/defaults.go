package peers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
)

// Defaults returns the command that runs the echo server of p, which is Gorilla, Coder or Tornado,
// in a process of its own and with every limit as its library has it; compression is agreed to. It
// prints its port as the first line and ends when its standard input does. Those of Go are in the
// calling program, whose main calls [RunServer].
func Defaults(p Peer) (*exec.Cmd, error) {
	switch p {
	case Gorilla, Coder:
		path, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(path)
		cmd.Env = append(os.Environ(), serverVariable+"="+string(p))
		return cmd, nil
	case Tornado:
		return exec.Command(python, filepath.Join(sourceDir(), "tornado_echo.py"), "defaults"), nil
	}
	return nil, fmt.Errorf("no server of %s with its defaults", p)
}

// python is Debian's, which sees Debian's modules.
const python = "/usr/bin/python3"

// TornadoVersion returns the version of Tornado.
func TornadoVersion() (string, error) {
	out, err := exec.Command(python, "-c", "import tornado; print(tornado.version, end='')").Output()
	if err != nil {
		return "", fmt.Errorf("%s has no Tornado (make deps installs it on Debian): %w", python, err)
	}
	return string(out), nil
}

// serverVariable names the peer as whose server a program is to run.
const serverVariable = "SPOUT_SERVER_OF"

// RunServer runs the server that the environment names, until standard input ends, and reports
// whether it names one.
func RunServer() (ran bool, err error) {
	var h http.Handler
	switch Peer(os.Getenv(serverVariable)) {
	case Gorilla:
		h = gorillaEcho(0)
	case Coder:
		h = coderEcho(0)
	default:
		return false, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return true, err
	}
	defer ln.Close()
	fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	go http.Serve(ln, h)
	_, err = io.Copy(io.Discard, os.Stdin)
	return true, err
}
