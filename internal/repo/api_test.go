package repo

import (
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files in api/ anew")

// TestAPI holds the exported names of each public package against its file in
// api/, so that a change to what users see is a line in review. To accept a
// change:
//
//	go test ./internal/repo -run TestAPI -update
func TestAPI(t *testing.T) {
	dirs := publicPackages(t)
	exports := exportData(t, dirs)
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(file)
	})
	var files []string
	for _, dir := range dirs {
		pkg, err := imp.Import(path.Join(modulePath, dir))
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		file := filepath.Join("api", pkg.Name()+".txt")
		files = append(files, filepath.Base(file))
		got := strings.Join(describe(pkg), "\n") + "\n"
		if *update {
			if err := os.WriteFile(filepath.Join(root, file), []byte(got), 0o644); err != nil {
				t.Error(err)
			}
			continue
		}
		if want := readFile(t, file); got != want {
			t.Errorf("%s is out of date; if this is meant: go test ./internal/repo -run TestAPI -update\n%s", file, diff(want, got))
		}
	}
	kept, err := filepath.Glob(filepath.Join(root, "api", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range kept {
		if !slices.Contains(files, filepath.Base(file)) {
			t.Errorf("%s belongs to no package", file)
		}
	}
}

// publicPackages returns the directories of the packages that users import.
func publicPackages(t *testing.T) (dirs []string) {
	for _, file := range goFiles(t) {
		dir := path.Dir(file)
		if inRootModule(file) && !strings.HasPrefix(dir, "internal") && !strings.HasPrefix(dir, "examples") &&
			!slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// exportData compiles packages and returns the file with the export data of
// each and of all that they are made of.
func exportData(t *testing.T, dirs []string) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}")
	for _, dir := range dirs {
		cmd.Args = append(cmd.Args, "./"+dir)
	}
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[name] = file
	}
	return files
}

// describe returns one line for each exported name of a package: constants,
// variables, functions, types, their methods and fields.
func describe(pkg *types.Package) (lines []string) {
	// Names of other packages are qualified as in source, those of pkg not at all.
	qualify := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Name()
	}
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			lines = append(lines, fmt.Sprintf("%s = %s", types.ObjectString(obj, qualify), obj.Val()))
		case *types.TypeName:
			lines = append(lines, describeType(obj, qualify)...)
		default:
			lines = append(lines, types.ObjectString(obj, qualify))
		}
	}
	return lines
}

// describeType returns the lines of a type.
func describeType(obj *types.TypeName, qualify types.Qualifier) (lines []string) {
	name := obj.Name()
	if obj.IsAlias() {
		return []string{types.ObjectString(obj, qualify)}
	}
	switch u := obj.Type().Underlying().(type) {
	case *types.Struct:
		lines = append(lines, "type "+name+" struct")
		for f := range u.Fields() {
			if !f.Exported() {
				continue
			}
			embedded := ""
			if f.Embedded() {
				embedded = " (embedded)"
			}
			lines = append(lines, fmt.Sprintf("field %s.%s %s%s", name, f.Name(), types.TypeString(f.Type(), qualify), embedded))
		}
	case *types.Interface:
		closed := ""
		for m := range u.Methods() {
			if m.Exported() {
				lines = append(lines, describeMethod(name, m, qualify))
			} else {
				closed = " (with unexported methods)"
			}
		}
		lines = append([]string{"type " + name + " interface" + closed}, lines...)
	default:
		lines = append(lines, "type "+name+" "+types.TypeString(u, qualify))
	}
	if named, ok := obj.Type().(*types.Named); ok {
		var methods []string
		for m := range named.Methods() {
			if !m.Exported() {
				continue
			}
			receiver := name
			if _, ok := m.Signature().Recv().Type().(*types.Pointer); ok {
				receiver = "*" + name
			}
			methods = append(methods, describeMethod(receiver, m, qualify))
		}
		slices.Sort(methods)
		lines = append(lines, methods...)
	}
	return lines
}

// describeMethod returns the line of a method.
func describeMethod(receiver string, m *types.Func, qualify types.Qualifier) string {
	signature := strings.TrimPrefix(types.TypeString(m.Signature(), qualify), "func")
	return fmt.Sprintf("method (%s) %s%s", receiver, m.Name(), signature)
}

// diff returns the lines that only one of two texts has.
func diff(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range w {
		if !slices.Contains(g, line) {
			fmt.Fprintln(&b, "-", line)
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			fmt.Fprintln(&b, "+", line)
		}
	}
	return b.String()
}

// TestDescribe shows what one line for each exported name looks like.
func TestDescribe(t *testing.T) {
	const src = `package p
type Code uint16
const Normal, hidden Code = 1000, 1
var Err error
func Dial(url string, n ...int) (*Conn, error) { return nil, nil }
type base struct{ Shown int }
type Conn struct{ base; Options; n int }
type Options struct{ Limit int64 }
func (c *Conn) Close(code Code, reason string) error { return nil }
func (c *Conn) close() {}
type Handler interface{ OnOpen(c *Conn) error; base() }
type HandlerFunc func(c *Conn)
func (f HandlerFunc) OnOpen(c *Conn) error { return nil }
type Any = any
`
	want := []string{
		"type Any = any",
		"type Code uint16",
		"type Conn struct",
		"field Conn.Options Options (embedded)",
		"method (*Conn) Close(code Code, reason string) error",
		"func Dial(url string, n ...int) (*Conn, error)",
		"var Err error",
		"type Handler interface (with unexported methods)",
		"method (Handler) OnOpen(c *Conn) error",
		"type HandlerFunc func(c *Conn)",
		"method (HandlerFunc) OnOpen(c *Conn) error",
		"const Normal Code = 1000",
		"type Options struct",
		"field Options.Limit int64",
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("p", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(pkg); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
