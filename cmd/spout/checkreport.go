package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// checkReports is what the flags say about reports.
type checkReports struct {
	html, json string // files; "-" for json is standard output, in place of the text
	verbose    bool
	before     *checkRun // to compare with; nil: nothing
}

func (o *checkReports) define(flags *flag.FlagSet) {
	flags.StringVar(&o.html, "html", "", "")
	flags.StringVar(&o.json, "json", "", "")
	flags.BoolVar(&o.verbose, "v", false, "")
	flags.Func("compare", "", func(path string) (err error) {
		o.before, err = readCheckRun(path)
		return err
	})
}

// complete readies the older run for a comparison with one of role, in which asked tells the cases.
func (o *checkReports) complete(role string, asked func(id string) bool) error {
	if o.html == "-" {
		return errors.New("--html wants the name of a file")
	}
	if o.before == nil {
		return nil
	}
	if o.before.Role != role {
		return fmt.Errorf("--compare wants the run of a %s, but this one is of a %s", role, o.before.Role)
	}
	o.before.only(asked)
	return nil
}

// write writes every report that is wanted.
func (o *checkReports) write(run *checkRun, stdout io.Writer) error {
	if o.html != "" {
		if err := writeFile(o.html, func(w io.Writer) error { return run.writeHTML(w, o.before) }); err != nil {
			return err
		}
	}
	if o.json == "-" {
		return run.writeJSON(stdout)
	}
	if o.json != "" {
		if err := writeFile(o.json, run.writeJSON); err != nil {
			return err
		}
	}
	return run.writeText(stdout, o.verbose, o.before)
}

// writeFile leaves the file alone if its content can't be made.
func writeFile(name string, content func(io.Writer) error) error {
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o666)
}
