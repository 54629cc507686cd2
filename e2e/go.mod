module github.com/spoutws/spout/e2e

go 1.26

require github.com/spoutws/spout v0.1.0
