module github.com/spoutws/spout/bench

go 1.26

require (
	github.com/klauspost/compress v1.20.3
	github.com/spoutws/spout v0.1.0
)
