# The commands of the project. README.md says what each is for.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
# No pointer checks in SQLite, which is C translated to Go: they cost a fifth of
# the tests. The race detector stays: generic code of ours is compiled there, too.
RACE := -race -gcflags='modernc.org/...=-d=checkptr=0'
# The long ones begin first, so that the last one is not alone.
ALL := ./test/... ./...

.PHONY: demo extension test packages check bench fuzz thorough size build reproducible sbom

demo: ## everything on this machine, with made-up people
	$(GO) run ./cmd/warifu demo

build: ## the one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o bin/warifu ./cmd/warifu

reproducible: ## two builds of the committed tree have the same bytes
	tools/reproducible.sh

sbom: build ## what the binary was linked from, bin/warifu.cdx.json
	$(GO) run -C tools ./sbom $(CURDIR)/bin/warifu > bin/warifu.cdx.json

extension: ## the Authenticator in extension/dist, for the demonstration or with ORIGIN=https://HOST for a sign-on
	[ -d extension/node_modules ] || npm ci --prefix extension --ignore-scripts --no-audit --no-fund
	node extension/build.mjs $(if $(ORIGIN),release $(foreach origin,$(ORIGIN),--origin $(origin)),demo)

packages: ## what the tests need of Debian's packages
	tools/packages.sh

test: packages ## all tests: SQLite, PostgreSQL, Chromium, Firefox, SMTP, a real relying service
	tools/with-postgres.sh env CI=true GOGC=200 $(GO) test $(RACE) -shuffle=on -timeout 18m $(ALL)
	node extension/build.mjs test

check: ## style, static analysis, generated files, known faults
	tools/check.sh

bench: packages ## prints the numbers of docs/operations/performance.md
	$(GO) test -run '^$$' -bench . -benchtime 1s ./internal/...
	$(GO) run ./bench
	tools/with-postgres.sh sh -c '$(GO) run ./bench -people 0 -database "$$TEST_POSTGRES_URL"'
	cd test/e2e && E2E_EFFORT=1 $(GO) test -count=1
	$(GO) test -run '^$$' -bench . -benchtime 20x ./test/extension

fuzz: ## every fuzz target for 30 s
	tools/fuzz.sh 30s

thorough: reproducible sbom ## what takes longer than make test
	tools/model.sh
	tools/extension-lint.sh
	tools/mutate.sh
	tools/fuzz.sh 2m
	tools/with-postgres.sh env CI=true TEST_THOROUGH=1 $(GO) test $(RACE) -shuffle=on -count=1 -timeout 60m $(ALL)

size: ## functions, files, nesting: prints, never fails
	@find internal cmd -name '*.go' ! -name '*_test.go' -print0 | xargs -0 wc -l | sort -n | tail -15
