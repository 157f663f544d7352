# lamplighter. `make help` lists the targets.

SHELL := /bin/sh
GO    ?= go
DEMO  := .demo
# The linter is run by its version; it is no dependency of the modules.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
# Packages with goroutines of their own.
RACE := ./cmd/... ./controller/journal/s3/... ./controller/report/... ./resources/s3/... ./resources/warehouse/...
RACE_LOCAL := ./server/... ./s3node/... ./spark/...
TESTFLAGS ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# What the tests and the demo are told of data; empty: generated.
DATA    ?=
REVIEWS ?=
FAST    ?=
DEMOFLAGS = $(if $(DATA),-data "$(abspath $(DATA))") $(if $(REVIEWS),-reviews "$(abspath $(REVIEWS))") $(if $(FAST),-fast)
SPARK = LAMPLIGHTER_SPARK_VENV="$(CURDIR)/$(DEMO)/venv" LAMPLIGHTER_SPARK_JARS="$(CURDIR)/$(DEMO)/jars"
WITNESSES = LAMPLIGHTER_WITNESSES="$(CURDIR)/$(DEMO)/witnesses"

.PHONY: help build demo demo-clean test lint unit race spark local jobs campaign mutants bench fmt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  make demo DATA=DIR REVIEWS=FILE    your own ratings.csv and movies.csv, and reviews'
	@echo '  make demo FAST=1                   without Spark, in a minute'

build: ## build the controller, one static binary, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/lamplighter ./cmd/lamplighter
	cd localcloud && $(GO) build -o ../bin/localcloud .

demo: ## set everything up, then run whole nights on the embedded cloud
	cd localcloud && $(GO) run ./demo run -root .. $(DEMOFLAGS)

demo-clean: ## remove all that the demo made
	cd localcloud && $(GO) run ./demo clean -root ..

test: lint unit race spark local jobs ## set everything up, then run every test, the demo included
	cd localcloud && $(GO) run ./demo run -root .. $(DEMOFLAGS)
	@echo 'every test passed'

lint: ## gofmt, vet and staticcheck of both modules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	cd localcloud && $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd localcloud && $(GO) run $(STATICCHECK) ./...

unit: ## the tests of the controller's module: every crash point, the swarm, the scripts
	$(GO) test $(TESTFLAGS) -timeout 30m ./...

race: ## the packages with goroutines, under the race detector
	$(GO) test $(TESTFLAGS) -race -short -timeout 20m $(RACE)
	cd localcloud && $(GO) test $(TESTFLAGS) -race -timeout 20m $(RACE_LOCAL)

spark: ## fetch Spark and what the jobs' tests need into .demo/, once
	cd localcloud && $(GO) run ./demo setup -tests -root ..

local: spark ## the tests of the embedded cloud, with real SQL, S3, Spark and kill -9
	cd localcloud && $(SPARK) $(WITNESSES) DATA="$(if $(DATA),$(abspath $(DATA)))" $(GO) test $(TESTFLAGS) -timeout 40m ./...

jobs: spark ## the tests of the Spark jobs
	$(SPARK) $(DEMO)/venv/bin/python -m pytest -q jobs/tests

campaign: ## a long run of the simulated tests: 20,000 nights
	$(GO) test -timeout 120m -run 'TestSwarm|TestEveryCrashPoint|TestFrozen' -v ./controller/simnight -swarm 20000 | grep -v '^ '

mutants: ## break the engine in many ways and see that the tests notice
	$(GO) test -timeout 60m -v -run TestMutants ./controller/simnight -mutants | grep -E -- '--- |mutants'

bench: build ## how fast and how big: the figures of docs/performance.md (half an hour, 10 GB of disk)
	$(GO) test -run xxx -bench Night -benchtime 300x ./controller/simnight
	@ls -l bin/lamplighter | awk '{ printf "bin/lamplighter: %.1f MB\n", $$5 / 1e6 }'
	@for i in 1 2 3 4 5; do /usr/bin/env bash -c 'TIMEFORMAT="version: %R s"; time bin/lamplighter version >/dev/null'; done
	cd localcloud && $(GO) run ./bench night -root .. -rows 20000000 -objects 7387 -postgres
	cd localcloud && $(GO) run ./bench plan -root .. -objects 100000 -ledger 1000000
	cd localcloud && $(GO) run ./bench growth -root .. -objects 1000 -rows 200000,2000000,20000000

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')
