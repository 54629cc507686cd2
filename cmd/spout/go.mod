module github.com/spoutws/spout/cmd/spout

go 1.26

require github.com/spoutws/spout v0.1.0
