package repo

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layer is a row of the table "package" in ARCHITECTURE.md.
type layer struct {
	imports []string // packages of ours that it may import, and in the root module those of others
	tests   []string // what its tests may import besides
	used    bool     // whether there is such a package
}

// TestLayering holds the imports of every file, for any platform and build
// tag, against the table of arrows in ARCHITECTURE.md.
func TestLayering(t *testing.T) {
	layers := make(map[string]*layer)
	for _, row := range table(t, readFile(t, "ARCHITECTURE.md"), "package") {
		if len(row) != 4 {
			t.Fatalf("row %q has %d cells, want 4", row, len(row))
		}
		name := strings.Trim(row[0], "`")
		if layers[name] != nil {
			t.Errorf("two rows for %s", name)
		}
		layers[name] = &layer{imports: quoted(row[2]), tests: quoted(row[3])}
	}

	for _, file := range goFiles(t) {
		name, l := find(layers, path.Dir(file))
		if l == nil {
			t.Errorf("%s: ARCHITECTURE.md has no row for its package", file)
			continue
		}
		l.used = true
		isTest := strings.HasSuffix(file, "_test.go")
		for _, imported := range imports(t, file) {
			ours, ok := short(imported)
			switch {
			case !ok:
				if inRootModule(file) && strings.Contains(strings.Split(imported, "/")[0], ".") && !slices.Contains(l.imports, imported) {
					t.Errorf("%s imports %s; ARCHITECTURE.md does not allow that to %s", file, imported, name)
				}
			case ours == dirName(file) || slices.Contains(l.imports, ours):
			case isTest && (ours == "internal/testenv" || slices.Contains(l.tests, ours)):
			default:
				t.Errorf("%s imports %s; ARCHITECTURE.md does not allow that to %s", file, ours, name)
			}
		}
	}
	for name, l := range layers {
		if !l.used {
			t.Errorf("ARCHITECTURE.md has a row for %s, which does not exist", name)
		}
	}
}

// TestForbiddenImports holds imports of the standard library against the
// table "this must not import" in ARCHITECTURE.md. Tests may import anything.
func TestForbiddenImports(t *testing.T) {
	for _, row := range table(t, readFile(t, "ARCHITECTURE.md"), "this") {
		name, forbidden := strings.Trim(row[0], "`"), quoted(row[1])
		checked := 0
		for _, file := range goFiles(t) {
			if dirName(file) != name || strings.HasSuffix(file, "_test.go") {
				continue
			}
			checked++
			for _, imported := range imports(t, file) {
				if slices.Contains(forbidden, imported) {
					t.Errorf("%s imports %s: %s", file, imported, row[2])
				}
			}
		}
		if checked == 0 {
			t.Errorf("ARCHITECTURE.md has a row for %s, which does not exist", name)
		}
	}
}

// find returns the row of a directory: its own or that of "dir/..." above it.
func find(layers map[string]*layer, dir string) (string, *layer) {
	if dir == "." {
		return "spout", layers["spout"]
	}
	if l := layers[dir]; l != nil {
		return dir, l
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if l := layers[dir+"/..."]; l != nil {
			return dir + "/...", l
		}
	}
	return "", nil
}

// quoted returns what stands between backquotes in a cell.
func quoted(cell string) (names []string) {
	for i, s := range strings.Split(cell, "`") {
		if i%2 == 1 {
			names = append(names, s)
		}
	}
	return names
}

// short returns the name of one of our packages as the tables write it.
func short(importPath string) (name string, ours bool) {
	if importPath == modulePath {
		return "spout", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// dirName returns the name of a file's package as the tables write it.
func dirName(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return "spout"
}

// inRootModule reports whether a file belongs to the root module.
func inRootModule(file string) bool {
	return !strings.HasPrefix(file, "cmd/") && !strings.HasPrefix(file, "e2e/") && !strings.HasPrefix(file, "bench/") &&
		!strings.HasPrefix(file, "brokers/")
}

// imports returns what a file imports.
func imports(t *testing.T, file string) (paths []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}
