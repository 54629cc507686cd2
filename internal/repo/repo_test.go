package repo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// root is the root of the repository, seen from here.
const root = "../.."

// modulePath is the path of the root module, which every other module's path
// begins with.
const modulePath = "github.com/spoutws/spout"

func TestMain(m *testing.M) { testenv.Main(m) }

// readFile returns a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goFiles returns the Go files of all modules, as paths relative to root. Like
// the go command it leaves out testdata, and directories that begin with a dot
// or an underscore; besides, what is not committed: node_modules and out.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
			name == "testdata" || name == "node_modules" || name == "out"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go"):
			rel, err := filepath.Rel(root, path)
			files = append(files, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// table returns the rows of the Markdown table whose first column is headed
// by head, without its two header lines, each cut into its trimmed cells.
func table(t *testing.T, markdown, head string) (rows [][]string) {
	t.Helper()
	inside := false
	for line := range strings.Lines(markdown) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 3 {
			inside = false
			continue
		}
		cells = cells[1 : len(cells)-1]
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if inside && strings.Trim(cells[0], "-:") != "" {
			rows = append(rows, cells)
		}
		if cells[0] == head {
			inside = true
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no table headed %q", head)
	}
	return rows
}

// TestLeakChecks demands of every package with tests that its TestMain looks
// for goroutines and descriptors that were left behind.
func TestLeakChecks(t *testing.T) {
	checked := make(map[string]bool)
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			dir := path.Dir(file)
			call := "testenv.Main(m)"
			if dir == "internal/testenv" {
				call = "Main(m)"
			}
			checked[dir] = checked[dir] || strings.Contains(readFile(t, file), call)
		}
	}
	for dir, ok := range checked {
		if !ok {
			t.Errorf("%s: no TestMain calls testenv.Main", dir)
		}
	}
}
