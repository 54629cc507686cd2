package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spoutws/spout/internal/conformance"
)

// askClients awaits clients, or starts one for every case, and returns what became of the cases.
func askClients(ctx context.Context, cfg conformance.ClientConfig, cases []conformance.Case, stderr io.Writer) (*checkRun, error) {
	checker, err := conformance.Listen(cfg)
	if err != nil {
		return nil, err
	}
	defer checker.Close()
	who := subject{Role: roleClient, URL: checker.URL(), Command: strings.Join(cfg.Exec, " ")}
	if cfg.Exec == nil {
		fmt.Fprintf(stderr, "spout check: %d cases wait at %s; each connection gets the next\n", len(cases), checker.URL())
	}
	start := time.Now()
	bar := newProgress(stderr, len(cases))
	results, err := checker.Run(ctx, cases, bar.add)
	bar.clear()
	if err != nil {
		return nil, errInterrupted
	}
	return newCheckRun(who, start, results), nil
}

var errInterrupted = errors.New("interrupted")

// splitCommand cuts a command line into words at spaces. A word, or a part of one, may stand in
// single or double quotes, which keep spaces and are taken away; nothing else has a meaning.
func splitCommand(line string) (words []string, err error) {
	var word strings.Builder
	inWord := false
	var quote rune
	for _, r := range line {
		switch {
		case r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case !unicode.IsSpace(r):
			word.WriteRune(r)
			inWord = true
		case inWord:
			words = append(words, word.String())
			word.Reset()
			inWord = false
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the %c in %q has no end", quote, line)
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("the command is empty")
	}
	return words, nil
}
