package client

import (
	"crypto/sha256"
	_ "embed" // for Script
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Script is the source of an ES module that is for web pages what [Client] is for Go programs. What stands at its
// top says how it is used.
//
//go:embed spout-room.js
var Script string

// ServeScript is an [http.HandlerFunc] that answers with [Script], and says by its ETag when a browser has it already:
//
//	http.HandleFunc("/spout-room.js", client.ServeScript)
//
// A page then begins with
//
//	import { Room } from "/spout-room.js";
func ServeScript(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // it is asked for each time, and sent when it has changed
	h.Set("ETag", scriptTag)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(Script))
}

var scriptTag = func() string {
	sum := sha256.Sum256([]byte(Script))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}()
