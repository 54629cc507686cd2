module github.com/spoutws/spout/bench

go 1.26

require (
	github.com/coder/websocket v1.8.15
	github.com/gorilla/websocket v1.5.3
	github.com/klauspost/compress v1.20.3
	github.com/lxzan/gws v1.8.9
	github.com/spoutws/spout v0.1.0
)

require github.com/dolthub/maphash v0.1.0 // indirect
