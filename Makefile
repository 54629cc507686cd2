# What a developer runs. `go run ./cmd/spout` and `make test` are the two to know.

FUZZTIME ?= 20s
SOAK ?= 10m
MILLION ?= -n 1000000

.PHONY: run test test-engine test-faults test-goroutines deps static fuzz vuln figures hostile faults bench rooms million compression soak clean

# The demo: a server, a page, and what to try next.
run:
	go run ./cmd/spout

# Every test of every module, on both drivers of a server's connections. The last lines of each name
# every test that was skipped and why; with SPOUT_REQUIRE=all a skipped test fails.
test: deps test-engine test-faults test-goroutines

GOTEST = go run ./internal/gotest -tags long -timeout 20m
ALLOCATE = . ./hub ./internal/proto ./internal/deflate ./internal/poll
RACING = . ./route ./spouttest
DRIVEN = ./examples/... ./hub/... ./internal/soak ./cmd/spout/... ./e2e/... ./bench/million
FAULTS = ^TestConformanceNotices
JUMPS = ^TestClockThatJumps$$
BLURRED = ^Test(Allocations|T3ManySmallBombs|T5PingFlood|T6ControlFrames|Release.*)$$
CASES = ^Test(Client)?Conformance(Peers)?$$
INDEPENDENT = $(FAULTS)|$(JUMPS)|^Test(Client)?ConformancePeers$$|^TestClientConformance$$

# With the default driver: all with the race detector, but for what builds a program of its own. Of those that
# only ask cases of programs, these have it in place of the test, and more run at a time than there are processors:
# they also wait. Then, without it, those whose limits on allocations it would blur, and the system calls of the
# engine as they are.
test-engine:
	$(GOTEST) -race -skip '$(FAULTS)|$(JUMPS)|$(CASES)' work
	SPOUT_RACE=1 $(GOTEST) -parallel 4 -run '$(CASES)' ./e2e
	$(GOTEST) -skip '$(JUMPS)' $(ALLOCATE)

# Programs with planted faults, which are built without the race detector anyway. More at a time than there are
# processors: they also wait. Beside them is the test of a clock that jumps, which builds a Go of its own.
test-faults:
	$(GOTEST) -parallel 5 -run '$(FAULTS)|$(JUMPS)' ./e2e .

# The same with goroutines alone, but for what has no server of ours; with the race detector what runs in one
# process, without it what it would blur, and the programs. The cache of test results does not know of the variable.
test-goroutines:
	SPOUT_ENGINE=goroutine $(GOTEST) -count=1 -race -skip '$(INDEPENDENT)' $(RACING)
	SPOUT_ENGINE=goroutine $(GOTEST) -count=1 -run '$(BLURRED)' .
	SPOUT_ENGINE=goroutine $(GOTEST) -count=1 -parallel 4 -skip '$(INDEPENDENT)' $(DRIVEN)

# Installs what the tests need beside Go, where it may.
deps:
	scripts/deps

# Formatting, vet, staticcheck, tidiness of the modules, cross builds.
static:
	scripts/static

# Every fuzz target, one after the other.
fuzz:
	scripts/fuzz $(FUZZTIME)

# Known vulnerabilities in what we depend on; needs https://vuln.go.dev.
vuln:
	scripts/vuln

# The measured figures of the project.
figures:
	go run ./internal/figures

# What attacks and faults do to a server, row by row; about three minutes. With HOSTILE=-write it writes docs/hostile.md.
hostile:
	go run ./e2e/hostile $(HOSTILE)

# Faults in rooms across nodes: brokers and nodes killed, stopped, cut off, deployed; is anything lost without a
# word? About 15 minutes. INJECT=-quick is what CI does, in one; INJECT=-write writes docs/faults.md.
faults:
	go run ./brokers/nats/faults $(INJECT)

# Servers of several libraries and the floor, side by side; about 25 minutes. With BENCH=-quick about 5; with
# BENCH=-write it writes bench/RESULTS.md and bench/chart.svg.
bench:
	go run ./bench/compare $(BENCH)

# What it costs to publish in rooms: of package hub and other libraries, and over three nodes; about six minutes.
# With ROOMS=-write it writes bench/RESULTS-rooms.md.
rooms:
	go run ./bench/rooms $(ROOMS)

# A million connections at a time, to servers in several processes, and what they cost; about eight
# minutes and 12 GB of memory. MILLION='-n 100000 -ping 8s -hold 10s' is what CI does.
million:
	go run ./bench/million $(MILLION)

# Servers of several libraries that compress, side by side; about 15 minutes.
compression:
	go run ./bench/deflate

# A server and many kinds of clients for a long time: is anything lost, does memory grow? SOAK=1m is shorter.
soak:
	go run ./internal/soak -for $(SOAK)

clean:
	rm -rf bin out
