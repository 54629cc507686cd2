module github.com/spoutws/spout/e2e

go 1.26

require (
	github.com/coder/websocket v1.8.15
	github.com/gorilla/websocket v1.5.3
	github.com/spoutws/spout v0.1.0
)
