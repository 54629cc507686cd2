package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sourceFile is a Go file and its number of lines.
type sourceFile struct {
	path  string
	lines int
}

func (f sourceFile) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// sources returns the Go files of all modules.
func sources() (files []sourceFile, err error) {
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "out"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		b, err := os.ReadFile(path)
		files = append(files, sourceFile{filepath.ToSlash(path), bytes.Count(b, []byte("\n"))})
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no Go files here")
	}
	return files, err
}

// largestFile tells the largest file that is not a test.
func largestFile() (result, error) {
	files, err := sources()
	if err != nil {
		return result{}, err
	}
	var code, test sourceFile
	for _, f := range files {
		largest := &code
		if f.test() {
			largest = &test
		}
		if f.lines > largest.lines {
			*largest = f
		}
	}
	return plain("%d lines, %s; among tests %d lines, %s", code.lines, code.path, test.lines, test.path)
}

// testRatio compares lines of tests with lines of other code.
func testRatio() (result, error) {
	files, err := sources()
	if err != nil {
		return result{}, err
	}
	var code, test int
	for _, f := range files {
		if f.test() {
			test += f.lines
		} else {
			code += f.lines
		}
	}
	return plain("%.2f (%d lines of tests, %d of code)", float64(test)/float64(code), test, code)
}

// exportedNames counts the top-level names and methods of package spout; a
// test keeps the file that it reads up to date.
func exportedNames() (result, error) {
	const limit = 120
	api, err := os.ReadFile("api/spout.txt")
	if err != nil {
		return result{}, err
	}
	names := 0
	for line := range strings.Lines(string(api)) {
		if !strings.HasPrefix(line, "field ") {
			names++
		}
	}
	return within(float64(names), limit, "%d in package spout (at most %d)", names, limit)
}

var coverage = regexp.MustCompile(`coverage: ([\d.]+)% of statements`)

// protoCoverage, deflateCoverage and pollCoverage tell how many statements of the core its own tests reach.
func protoCoverage() (result, error)   { return coverageOf("./internal/proto") }
func deflateCoverage() (result, error) { return coverageOf("./internal/deflate") }
func pollCoverage() (result, error)    { return coverageOf("./internal/poll") }

func coverageOf(pkg string) (result, error) {
	const limit = 97
	out, err := exec.Command("go", "test", "-cover", pkg).CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("%v: %s", err, out)
	}
	m := coverage.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("no coverage in %q", out)
	}
	percent, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		return result{}, err
	}
	return atLeast(percent, limit, "%.1f%% of statements (at least %d%%)", percent, limit)
}

// ciTime tells how long the last run of .ci/run on this machine took.
func ciTime() (result, error) {
	times, err := os.ReadFile("out/ci-times")
	if err != nil {
		return result{}, fmt.Errorf("%w; .ci/run writes it", err)
	}
	return plain("%s", strings.Join(strings.Fields(strings.ReplaceAll(string(times), " s\n", " s;\n")), " "))
}
