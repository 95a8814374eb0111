# Gatehouse. `make help` lists the targets; `make demo` and `make test` need
# nothing prepared but Go, make and access to modules and packages.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# go.mod asks for Go 1.27; with this an older go command fetches it.
export GOTOOLCHAIN := auto
export CGO_ENABLED ?= 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 20s
BENCH ?= .
BENCHCOUNT ?= 10

.PHONY: build demo test race fuzz bench lint generate verify clean help

build: ## build bin/gatehouse, one static binary
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/gatehouse ./cmd/gatehouse

demo: build ## run the sample gateway: embedded directory, broker and database, orders by SOAP
	bin/gatehouse demo

test: ## run every test, against slapd and RabbitMQ too (installed when root on Debian or Ubuntu)
	cd testdata/tsql && go test -count=1 ./...
	testdata/servers/run.sh go test -shuffle=on ./...

race: ## run every test under the race detector
	CGO_ENABLED=1 testdata/servers/run.sh go test -race -shuffle=on ./...

fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@set -e; go list ./... | while read -r pkg; do \
	  for target in $$(go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$pkg"; \
	  done; \
	done

bench: ## run the benchmarks matching BENCH, BENCHCOUNT (10) times each
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) ./...

lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	# Generated clients are the generator's to mend.
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $$(go list ./... | grep -v '/wsdl/')

generate: ## write the generated Go clients of wsdl/ again
	go generate ./wsdl/...

verify: build lint race test ## everything a change must pass: build, lint, tests, also under the race detector

clean: ## remove what was built
	rm -rf bin dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
