# Gatehouse. `make help` lists the targets; `make demo` and `make test` need
# nothing prepared but Go, make and access to modules and packages.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# go.mod asks for Go 1.27; with this an older go command fetches it.
export GOTOOLCHAIN := auto
export CGO_ENABLED ?= 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# A profile of the gateway's processor time (docs/bench.md): what it spends most on is
# compiled for that. auto: none.
PGO ?= auto
FUZZTIME ?= 20s
BENCH ?= .
BENCHCOUNT ?= 10
BENCHTIME ?= 1s
CRASHES ?= 60
CHECKS ?= 5000
MESSAGES ?= 6400
CAMPAIGN ?=

# What `make dist` builds for, and `make cross` tries: os-arch.
PLATFORMS := linux-amd64 linux-arm64 windows-amd64

.PHONY: build profile demo test test-ad race crash mutants property fuzz bench lint generate cross verify image dist clean help

build: ## build bin/gatehouse, one static binary, for the load in PGO if that is a profile
	go build -trimpath -pgo '$(PGO)' -ldflags '$(LDFLAGS)' -o bin/gatehouse ./cmd/gatehouse

profile: build ## take a profile of the load test by both doors: bin/load.pgo, for PGO
	rm -rf bin/profile
	bin/gatehouse bench --demo --door soap --messages 20000 --profile bin/profile/soap
	bin/gatehouse bench --demo --door amqp --messages 20000 --profile bin/profile/amqp
	go tool pprof -proto -output bin/load.pgo bin/profile/soap/cpu.pprof bin/profile/amqp/cpu.pprof

demo: build ## run the sample gateway: embedded directory, broker and database, orders by SOAP
	bin/gatehouse demo

test: ## run every test, against slapd, Samba and RabbitMQ too (installed when root on Debian or Ubuntu)
	cd testdata/tsql && go test -count=1 ./...
	go test -tags crash ./internal/failpoint
	testdata/servers/run.sh go test -timeout 30m -shuffle=on ./...

test-ad: ## run the tests of adapters/ldap, against slapd and a Samba domain controller (make test runs them too)
	GATEHOUSE_TEST_AMQP=none testdata/servers/run.sh go test -count=1 -timeout 10m -v -run 'TestAD|Slapd|TestAcceptance' ./adapters/ldap

race: ## run every test under the race detector
	CGO_ENABLED=1 testdata/servers/run.sh go test -race -timeout 40m -shuffle=on ./...

crash: ## kill the gateway CRASHES (60) times while MESSAGES (6400) come by both doors, then count; CAMPAIGN holds more flags
	go build -tags crash -o bin/gatehouse-crash ./cmd/gatehouse
	go build -o bin/gatehouse-campaign ./cmd/gatehouse-campaign
	testdata/servers/run.sh bin/gatehouse-campaign -binary bin/gatehouse-crash -crashes $(CRASHES) -messages $(MESSAGES) $(CAMPAIGN)

mutants: ## build known faults into the gateway, one by one, and have the campaign find each
	testdata/servers/run.sh env GATEHOUSE_MUTANTS=all go test -count=1 -v -timeout 100m -run TestMutants ./cmd/gatehouse

property: ## try CHECKS (5000) random contracts, tables and mappings: nothing that `check` takes meets a column that refuses it
	go test -timeout 60m -run '^(TestNothingIsRefusedLate|TestColumns)$$' -v -rapid.checks=$(CHECKS) ./adapters/internal/sqlstore ./adapters/sqlite

fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@set -e; go list ./... | while read -r pkg; do \
	  for target in $$(go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$pkg"; \
	  done; \
	done

bench: ## run the benchmarks matching BENCH, BENCHCOUNT (10) times each, for BENCHTIME (1s, or 45000x)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./...

lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	# Generated clients are the generator's to mend.
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $$(go list ./... | grep -v '/wsdl/')

generate: ## write the generated Go clients of wsdl/ again
	go generate ./wsdl/...

cross: ## build for every platform of `make dist`, keeping nothing, and vet what is Windows' own
	GOOS=windows GOARCH=amd64 go vet ./cmd/gatehouse
	@set -e; for p in $(PLATFORMS); do \
	  echo "building for $$p"; GOOS=$${p%-*} GOARCH=$${p#*-} go build -trimpath -o /dev/null ./cmd/gatehouse; \
	done

verify: build lint cross race test ## everything a change must pass: build, lint, other platforms, tests, also under the race detector

image: ## build the container image, gatehouse, with docker or podman
	@set -e; for engine in docker podman; do \
	  if $$engine version >/dev/null 2>&1 && $$engine info >/dev/null 2>&1; then \
	    echo "building with $$engine"; \
	    $$engine build --build-arg VERSION=$(VERSION) -t gatehouse -t gatehouse:$(VERSION) .; exit; \
	  fi; \
	done; \
	echo "make image needs a container engine that runs: neither docker nor podman answers here" >&2; exit 1

dist: ## build for linux/amd64, linux/arm64 and windows/amd64 into dist/
	@rm -rf dist; mkdir -p dist; set -e; for p in $(PLATFORMS); do \
	  out=dist/gatehouse-$$p; [ "$${p%-*}" != windows ] || out=$$out.exe; \
	  echo "building $$out"; GOOS=$${p%-*} GOARCH=$${p#*-} go build -trimpath -pgo '$(PGO)' -ldflags '$(LDFLAGS)' -o $$out ./cmd/gatehouse; \
	done
	cd dist && sha256sum * >SHA256SUMS

clean: ## remove what was built
	rm -rf bin dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
