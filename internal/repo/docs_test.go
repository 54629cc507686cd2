package repo

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// selfEvident are the methods that need no comment: the language or the
// standard library says what they do.
var selfEvident = []string{"Error", "Unwrap", "Is", "String"}

// TestDocComments demands a comment on every exported name of the public
// packages. A group of constants or variables may share one.
func TestDocComments(t *testing.T) {
	files := goFiles(t)
	for _, dir := range publicPackages(t) {
		fset := token.NewFileSet()
		var parsed []*ast.File
		for _, file := range files {
			if path.Dir(file) != dir || strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		pkg, err := doc.NewFromFiles(fset, parsed, path.Join(modulePath, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range undocumented(pkg) {
			t.Errorf("%s: %s has no comment", dir, name)
		}
	}
}

// undocumented returns the exported names of a package that lack a comment.
func undocumented(pkg *doc.Package) (names []string) {
	check := func(name, comment string) {
		if comment == "" {
			names = append(names, name)
		}
	}
	values := func(groups []*doc.Value) {
		for _, v := range groups {
			check(strings.Join(v.Names, ", "), v.Doc)
		}
	}
	funcs := func(of string, funcs []*doc.Func) {
		for _, f := range funcs {
			if of == "" || !slices.Contains(selfEvident, f.Name) {
				check(of+f.Name, f.Doc)
			}
		}
	}
	check("package "+pkg.Name, pkg.Doc)
	values(pkg.Consts)
	values(pkg.Vars)
	funcs("", pkg.Funcs)
	for _, typ := range pkg.Types {
		check(typ.Name, typ.Doc)
		values(typ.Consts)
		values(typ.Vars)
		funcs("", typ.Funcs)
		funcs(typ.Name+".", typ.Methods)
	}
	return names
}
