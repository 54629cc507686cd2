package servers

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
)

const gobwasModule = "github.com/gobwas/ws"

// gobwasLibrary follows the first example of the README: UpgradeHTTP, and wsutil for whole
// messages; compressed, the example of wsflate with wsutil, at level 1; for all, a compiled frame.
var gobwasLibrary = &Library{
	Name:   "gobwas",
	Module: gobwasModule,
	Whole:  true,
	Std:    true,
	can:    withoutTakeover,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		wsutil.SetMaxMessageSize(1 << 20)
		all := new(members[net.Conn])
		return serveHTTP(ln, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var (
				up ws.HTTPUpgrader
				e  = wsflate.Extension{Parameters: wsflate.DefaultParameters}
			)
			if s.Compression.Compressed() {
				up.Negotiate = e.Negotiate
			}
			conn, _, _, err := up.Upgrade(r, w)
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				switch {
				case s.Compression.Compressed():
					echoCompressed(conn)
				case s.Role == Broadcast:
					broadcastGobwas(conn, all)
				default:
					echoGobwas(conn)
				}
			}()
		}))
	},
}

func echoGobwas(conn net.Conn) {
	for {
		m, op, err := wsutil.ReadClientData(conn)
		if err != nil {
			return
		}
		if err := wsutil.WriteServerMessage(conn, op, m); err != nil {
			return
		}
	}
}

func broadcastGobwas(conn net.Conn, all *members[net.Conn]) {
	defer all.leave(conn)
	if err := all.join(conn, greetGobwas); err != nil {
		return
	}
	for {
		m, op, err := wsutil.ReadClientData(conn)
		if err != nil {
			return
		}
		frame, err := ws.CompileFrame(ws.NewFrame(op, true, m))
		if err != nil {
			return
		}
		all.each(func(conn net.Conn) { conn.Write(frame) })
	}
}

func greetGobwas(conn net.Conn) error {
	return wsutil.WriteServerBinary(conn, []byte(Greeting))
}

func echoCompressed(conn net.Conn) {
	fr := wsflate.NewReader(nil, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
	fw := wsflate.NewWriter(nil, func(w io.Writer) wsflate.Compressor {
		f, _ := flate.NewWriter(w, 1) // fails for levels that don't exist
		return f
	})
	var m wsflate.MessageState
	rd := &wsutil.Reader{Source: conn, State: ws.StateServerSide | ws.StateExtended, Extensions: []wsutil.RecvExtension{&m}}
	wr := wsutil.NewWriter(conn, ws.StateServerSide|ws.StateExtended, 0)
	wr.SetExtensions(&m)
	for {
		h, err := rd.NextFrame()
		if err != nil || h.OpCode.IsControl() {
			return
		}
		wr.ResetOp(h.OpCode)
		fr.Reset(rd)
		fw.Reset(wr)
		if _, err := io.Copy(fw, fr); err != nil {
			return
		}
		if err := fw.Close(); err != nil {
			return
		}
		if err := wr.Flush(); err != nil {
			return
		}
	}
}

// gobwasRaw is the package without wsutil and without net/http, and with the buffers
// that make it fast: not what a whole server does, but what can be reached.
var gobwasRaw = &Library{
	Name:   "gobwas-raw",
	Module: gobwasModule,
	About:  "echoes frame by frame: assembles no messages, checks no texts, answers no pings",
	can: func(s Setup) error {
		if s.Compression.Compressed() {
			return errors.New("frames are sent back as they come")
		}
		return nil
	},
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		if t != nil {
			ln = tls.NewListener(ln, t)
		}
		all := new(members[net.Conn])
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					if _, err := ws.Upgrade(conn); err != nil {
						return
					}
					if s.Role == Broadcast {
						defer all.leave(conn)
						if err := all.join(conn, greetGobwas); err != nil {
							return
						}
					}
					serveFrames(conn, s.Role, all)
				}()
			}
		}()
		return func() { ln.Close() }, nil
	},
}

// serveFrames sends each frame back, or to all, with one write.
func serveFrames(conn net.Conn, role Role, all *members[net.Conn]) {
	var (
		in     = bufio.NewReader(conn)
		head   bytes.Buffer
		buffer []byte
	)
	for {
		h, err := ws.ReadHeader(in)
		if err != nil || h.OpCode == ws.OpClose || h.Length > 1<<20 {
			return
		}
		if need := ws.MaxHeaderSize + int(h.Length); cap(buffer) < need {
			buffer = make([]byte, need)
		}
		payload := buffer[ws.MaxHeaderSize:][:h.Length]
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		if h.Masked {
			ws.Cipher(payload, h.Mask, 0)
			h.Masked = false
		}
		head.Reset()
		if err := ws.WriteHeader(&head, h); err != nil {
			return
		}
		from := ws.MaxHeaderSize - head.Len()
		copy(buffer[from:], head.Bytes())
		frame := buffer[from : ws.MaxHeaderSize+int(h.Length)]
		if role == Broadcast {
			all.each(func(conn net.Conn) { conn.Write(frame) })
		} else if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}
