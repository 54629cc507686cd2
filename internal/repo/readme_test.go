package repo

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program matches a fenced Go block of Markdown together with the line before
// it, which names the file that the block is taken from.
var program = regexp.MustCompile("(?m)^(.*)\n```go\n((?s:.*?))^```$")

// source matches the comment that names a block's file.
var source = regexp.MustCompile(`^<!-- (\S+\.go) -->$`)

// TestReadmePrograms holds every Go block of README.md against the compiled
// example that it is taken from.
func TestReadmePrograms(t *testing.T) {
	readme := readFile(t, "README.md")
	blocks := program.FindAllStringSubmatch(readme, -1)
	if n := strings.Count(readme, "```go\n"); n == 0 || n != len(blocks) {
		t.Fatalf("README.md opens %d Go blocks, of which %d are well formed", n, len(blocks))
	}
	for _, block := range blocks {
		from := source.FindStringSubmatch(block[1])
		if from == nil {
			t.Errorf("the line before this block does not name its file as <!-- examples/NAME/main.go -->:\n%s", block[2])
			continue
		}
		if !strings.Contains("\n"+readFile(t, from[1]), "\n"+block[2]) {
			t.Errorf("these lines of README.md are not in %s:\n%s", from[1], block[2])
		}
	}
}

// TestExamplesBuild compiles every example, with its tests.
func TestExamplesBuild(t *testing.T) {
	cmd := exec.Command("go", "vet", "./examples/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestExamplesBoundHandshakes demands that every example that serves bounds
// the time a client may take for its request. The echo of the README is the
// exception, because it shows the least that works; README says so.
func TestExamplesBoundHandshakes(t *testing.T) {
	checked := 0
	for _, file := range goFiles(t) {
		if !strings.HasPrefix(file, "examples/") || path.Base(file) != "main.go" {
			continue
		}
		text := readFile(t, file)
		if !strings.Contains(text, "ListenAndServe") || strings.HasPrefix(file, "examples/echo/") {
			continue
		}
		checked++
		if !strings.Contains(text, "ReadHeaderTimeout:") {
			t.Errorf("%s serves without a ReadHeaderTimeout", file)
		}
	}
	if checked == 0 {
		t.Error("no example serves")
	}
	if !strings.Contains(readFile(t, "README.md"), "ReadHeaderTimeout") {
		t.Error("README.md does not mention ReadHeaderTimeout")
	}
}

// link matches the target of a Markdown link that is a path, and a path in
// backquotes that ends like a file of ours.
var link = regexp.MustCompile("\\]\\(([^):#]+)\\)|`([\\w./-]+\\.(?:go|md|txt))`")

// TestDocsLinks holds that the files which the documents name exist.
func TestDocsLinks(t *testing.T) {
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		for _, m := range link.FindAllStringSubmatch(readFile(t, doc), -1) {
			name := m[1] + m[2]
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s names %s: %v", doc, name, err)
			}
		}
	}
}
