module github.com/spoutws/spout/cmd/spout

go 1.26

require github.com/spoutws/spout v0.1.0

require github.com/klauspost/compress v1.20.3 // indirect
