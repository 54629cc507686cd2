module github.com/spoutws/spout

go 1.26
