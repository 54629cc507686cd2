package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// asCommand, set in the environment, makes the test binary the command.
const asCommand = "SPOUT_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	if kind := os.Getenv(asClient); kind != "" {
		os.Exit(beClient(kind, os.Args[1]))
	}
	testenv.Main(m)
}

// result is what a command line that ends by itself has led to.
type result struct {
	status         int
	stdout, stderr string
}

func runCommand(args ...string) result {
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), args, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// TestRefusals has command lines that can't be carried out: each gets one line that names what is wrong, and a status.
func TestRefusals(t *testing.T) {
	busy := startServer(t, config{})
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	addr := busy.listener.Addr().String()

	tests := []struct {
		name   string
		args   []string
		status int
		stderr string // a part of it
	}{
		{"unknown verb", []string{"sreve"}, exitUsage, `no verb "sreve"`},
		{"unknown verb explained", []string{"help", "sreve"}, exitUsage, `no verb "sreve"`},
		{"unknown flag", []string{"serve", "--nope"}, exitUsage, "-nope"},
		{"unknown flag without a verb", []string{"--nope"}, exitUsage, "-nope"},
		{"unknown flag of demo", []string{"demo", "--origin", "*"}, exitUsage, "-origin"},
		{"unknown flag behind DIR", []string{"serve", dir, "--nope"}, exitUsage, "-nope"},
		{"no nodes", []string{"demo", "--nodes", "0"}, exitUsage, "1 to 9 are wanted"},
		{"too many nodes", []string{"demo", "--nodes", "10"}, exitUsage, "1 to 9 are wanted"},
		{"too many bots", []string{"demo", "--load", "1001"}, exitUsage, "0 to 1000 bots"},
		{"argument of demo", []string{"demo", dir}, exitUsage, "unexpected argument"},
		{"second DIR", []string{"serve", dir, missing}, exitUsage, missing},
		{"flag without its value", []string{"serve", "--addr"}, exitUsage, "-addr"},
		{"size of zero", []string{"serve", "--max-message", "0"}, exitUsage, "a size above 0"},
		{"size without a unit known", []string{"serve", "--max-message", "16XB"}, exitUsage, "16MiB"},
		{"size too large", []string{"serve", "--max-message", "99999999999GiB"}, exitUsage, "more than can be counted"},
		{"ping of zero", []string{"serve", "--ping", "0s"}, exitUsage, "or off"},
		{"ping without a unit", []string{"serve", "--ping", "10"}, exitUsage, "or off"},
		{"origin without a scheme", []string{"serve", "--origin", "example.com"}, exitUsage, "https://example.com"},
		{"one bad origin of two", []string{"serve", "--origin", "https://example.com,null"}, exitUsage, "null"},
		{"certificate without its key", []string{"serve", "--tls-cert", file}, exitUsage, "--tls-key"},
		{"key without its certificate", []string{"serve", "--tls-key", file}, exitUsage, "--tls-cert"},
		{"two certificates", []string{"serve", "--tls-self-signed", "--tls-cert", file, "--tls-key", file}, exitUsage, "exclude"},

		{"busy port", []string{"serve", "--addr", addr}, exitError, "address already in use"},
		{"busy port for demo", []string{"demo", "--addr", addr}, exitError, "address already in use"},
		{"bad address", []string{"serve", "--addr", "127.0.0.1"}, exitError, "missing port"},
		{"bad port", []string{"serve", "--addr", "127.0.0.1:99999"}, exitError, "invalid port"},
		{"missing DIR", []string{"serve", missing}, exitError, missing},
		{"DIR that is a file", []string{"serve", file}, exitError, file},
		{"missing certificate", []string{"serve", "--tls-cert", missing, "--tls-key", file}, exitError, missing},
		{"missing key", []string{"serve", "--tls-cert", file, "--tls-key", missing}, exitError, missing},
		{"certificate that is none", []string{"serve", "--tls-cert", file, "--tls-key", file}, exitError, "certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runCommand(tt.args...)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d", got.status, tt.status)
			}
			if got.stdout != "" {
				t.Errorf("stdout %q, want nothing", got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "spout") || strings.Count(got.stderr, "\n") != 1 || !strings.HasSuffix(got.stderr, "\n") {
				t.Errorf("stderr %q, want one line that begins with spout", got.stderr)
			}
			if !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("stderr %q, want it to say %q", got.stderr, tt.stderr)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	all := runCommand("help")
	if all.status != exitOK || all.stderr != "" {
		t.Fatalf("help: status %d, stderr %q", all.status, all.stderr)
	}
	for _, alias := range []string{"-h", "-help", "--help"} {
		if got := runCommand(alias); got != all {
			t.Errorf("spout %s differs from spout help: %+v", alias, got)
		}
	}
	for _, v := range verbs() {
		t.Run(v.name, func(t *testing.T) {
			if !strings.Contains(all.stdout, "spout "+v.name+" ") {
				t.Errorf("spout help does not list it")
			}
			got := runCommand("help", v.name)
			if got.status != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "spout "+v.name) {
				t.Errorf("help: %+v", got)
			}
			for line := range strings.Lines(got.stdout) {
				if len(line) > 100 {
					t.Errorf("a line of %d bytes: %s", len(line), line)
				}
			}
		})
	}
	for _, verb := range []string{"demo", "serve"} {
		if got, want := runCommand(verb, "--help"), runCommand("help", verb); got != want {
			t.Errorf("spout %s --help differs from spout help %s: %+v", verb, verb, got)
		}
	}
}

// TestHelpNamesFlags compares the flags that the help of demo and of serve explains with those that they know.
func TestHelpNamesFlags(t *testing.T) {
	values := map[string]string{
		"addr": "127.0.0.1:0", "tls-cert": "c", "tls-key": "k", "origin": "https://example.com", "max-message": "1", "ping": "1s",
		"nodes": "1", "nats": "nats://127.0.0.1", "load": "1", "token": "t",
	}
	for _, tt := range []struct {
		help  string
		flags int
		parse func([]string) error
	}{
		{serveHelp, 8, func(args []string) error { _, err := parseServe(args); return err }},
		{demoHelp, 5, func(args []string) error { _, err := parseDemo(args); return err }},
	} {
		explained := regexp.MustCompile(`(?m)^  --([a-z-]+)`).FindAllStringSubmatch(tt.help, -1)
		if len(explained) != tt.flags {
			t.Errorf("%d flags are explained, want %d", len(explained), tt.flags)
		}
		for _, match := range explained {
			args := []string{"--" + match[1]}
			if value, ok := values[match[1]]; ok {
				args = append(args, value)
			}
			if err := tt.parse(args); err != nil && !strings.Contains(err.Error(), "go together") {
				t.Errorf("--%s: %v", match[1], err)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	got := runCommand("version")
	if !regexp.MustCompile(`^spout \S+ \(go\S+, \w+/\w+\)\n$`).MatchString(got.stdout) || got.status != exitOK || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	if alias := runCommand("--version"); alias != got {
		t.Errorf("spout --version differs: %+v", alias)
	}
}

func TestFlagsAnywhere(t *testing.T) {
	want := config{addr: ":9", dir: "d", maxMessage: 16 << 20, ping: -1, origins: []string{"https://a.example", "https://b.example", "http://c.example"}}
	flags := []string{"--addr", ":9", "-max-message=16MiB", "--ping", "off", "--origin", "https://a.example, https://b.example", "--origin=http://c.example"}
	for at := 0; at <= len(flags); at++ {
		if at > 0 && !strings.Contains(flags[at-1], "=") && strings.HasPrefix(flags[at-1], "-") {
			continue // would cut a flag off its value
		}
		args := append(append(append([]string{}, flags[:at]...), "d"), flags[at:]...)
		got, err := parseServe(args)
		if err != nil {
			t.Errorf("%q: %v", args, err)
			continue
		}
		if strings.Join(got.origins, " ") != strings.Join(want.origins, " ") ||
			got.addr != want.addr || got.dir != want.dir || got.maxMessage != want.maxMessage || got.ping != want.ping {
			t.Errorf("%q: %+v, want %+v", args, got, want)
		}
	}
	if got, err := parseServe([]string{"--", "--addr"}); err != nil || got.dir != "--addr" {
		t.Errorf("behind --: %+v, %v", got, err)
	}
}

func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"1": 1, "65536": 65536, "10B": 10, "1kB": 1000, "1KB": 1000, "1KiB": 1024, "1MB": 1e6, "16MiB": 16 << 20, "16mib": 16 << 20,
		"2 GiB": 2 << 30, "3GB": 3e9, "9223372036854775807": 1<<63 - 1,
	}
	for s, want := range good {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "0", "-1", "1.5MB", "MB", "1XB", "1M", "0x10", "1 2", "9223372036854775808", "9223372036854775807KiB", "1MiBs", "١MB"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", s, got)
		}
	}
}
