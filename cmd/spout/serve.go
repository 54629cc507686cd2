package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

const serveHelp = `spout serve serves the files of DIR, and WebSockets beside them.

  spout serve [DIR] [flags]

  /                 the files of DIR; without DIR a page about the server, which is at /ws/ too
  /ws/echo          sends every message back as it came
  /ws/chat/{room}   a room: ?name= joins, {"type":"say","text":"..."} speaks; with &position=
                    it also tells who is there and what was missed
  /ws/clock         sends the time, every second
  /ws/close/{code}  opens, and closes with that code
  /websocket        answers "You said: " and the text

  --addr HOST:PORT    where to listen (default 127.0.0.1:8888; port 0 lets the system choose)
  --tls-cert FILE     serve https and wss with this certificate, in PEM form, its chain behind it
  --tls-key FILE      and with this key
  --tls-self-signed   serve https and wss with a certificate made on the spot, for localhost
  --origin ORIGIN     let pages of this origin connect as well, such as https://example.com or
                      https://*.example.com; repeat it or separate with commas; * means any
  --max-message SIZE  the largest message taken, such as 65536, 1MB or 16MiB (default 1MiB)
  --ping DURATION     the time between pings, such as 10s, or off (default 25s)
  --compress=false    decline the permessage-deflate that clients offer

A SIGTERM or Ctrl-C closes every connection with 1012 (service restart) and exits with 0;
a second one ends the program at once.

Examples:
  spout serve ./public
  spout serve --addr :8443 --tls-cert cert.pem --tls-key key.pem ./public
  spout serve --tls-self-signed
  spout serve --origin https://example.com,http://localhost:3000 --max-message 16MiB
`

func runServe(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseServe(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, serveHelp)
		return exitOK
	}
	if err != nil {
		return usage(stderr, "serve", err)
	}
	return cfg.serve(ctx, "serve", stdout, stderr, func(s *server) {
		fmt.Fprintf(stdout, "spout serves %s at %s\n", cfg.what(), s.url())
		if cfg.selfSigned {
			fmt.Fprint(stdout, selfSignedNote)
		}
	})
}

func parseServe(args []string) (config, error) {
	cfg := config{addr: defaultAddr, maxMessage: defaultMaxMessage, compress: true}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&cfg.addr, "addr", cfg.addr, "")
	flags.StringVar(&cfg.certFile, "tls-cert", "", "")
	flags.StringVar(&cfg.keyFile, "tls-key", "", "")
	flags.BoolVar(&cfg.selfSigned, "tls-self-signed", false, "")
	flags.BoolVar(&cfg.compress, "compress", cfg.compress, "")
	flags.Func("origin", "", func(s string) error {
		for entry := range strings.SplitSeq(s, ",") {
			cfg.origins = append(cfg.origins, strings.TrimSpace(entry))
		}
		_, err := checkOrigin(cfg.origins)
		return err
	})
	flags.Func("max-message", "", func(s string) (err error) {
		cfg.maxMessage, err = parseSize(s)
		return err
	})
	flags.Func("ping", "", func(s string) (err error) {
		cfg.ping, err = parsePing(s)
		return err
	})
	operands, err := parse(flags, args)
	switch {
	case err != nil:
		return config{}, err
	case len(operands) > 1:
		return config{}, fmt.Errorf("unexpected argument %q: there is one DIR, and it is %q", operands[1], operands[0])
	case cfg.selfSigned && (cfg.certFile != "" || cfg.keyFile != ""):
		return config{}, errors.New("--tls-self-signed and --tls-cert exclude each other")
	case (cfg.certFile == "") != (cfg.keyFile == ""):
		return config{}, errors.New("--tls-cert and --tls-key go together")
	case len(operands) == 1:
		cfg.dir = operands[0]
	}
	return cfg, nil
}

func parsePing(s string) (time.Duration, error) {
	if s == "off" {
		return -1, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("a duration is wanted, such as 10s or 1m, or off")
	}
	return d, nil
}
