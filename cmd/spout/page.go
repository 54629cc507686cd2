package main

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/spoutws/spout/hub/client"
)

//go:embed page/index.html page/*.css page/icon.svg page/*.mjs page/uPlot.iife.min.js page/uPlot.LICENSE.txt
var pageFiles embed.FS

// contentTypes is not left to package mime, whose answers depend on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// pageHeader keeps the page to its own files, and gives it the browser's finer clock, which only an isolated page gets.
var pageHeader = map[string]string{
	"Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-cache",
}

// newPage serves the page; the path of a request is the name of a file.
func newPage(cfg *config) (http.Handler, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(pageFiles, "page", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[entry.Name()], err = pageFiles.ReadFile(name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	files["spout-room.js"] = []byte(client.Script)
	index, err := template.New("index.html").Parse(string(files["index.html"]))
	if err != nil {
		return nil, err
	}
	about := struct {
		TLS          string
		MessageLimit int64
		Ports, Node  string
		Live         string // "" for no Live page
		Bots         int
	}{MessageLimit: cfg.maxMessage, Ports: strings.Join(cfg.ports, " "), Node: cfg.node}
	if d := cfg.demo; d != nil {
		about.Live, about.Bots = "here", d.bots
		if d.token != "" {
			about.Live = "token"
		}
	}
	if cfg.selfSigned {
		about.TLS = "self-signed"
	}
	var filled bytes.Buffer
	if err := index.Execute(&filled, about); err != nil {
		return nil, err
	}
	files["index.html"] = filled.Bytes()

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		if name == "" {
			name = "index.html"
		}
		content, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		for key, value := range pageHeader {
			w.Header().Set(key, value)
		}
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}), nil
}
