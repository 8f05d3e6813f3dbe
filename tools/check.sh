#!/usr/bin/env bash
# Style, static analysis, generated files, known faults. Changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

tool() { go tool -modfile=tools/go.mod "$@"; }

unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "gofmt would change: $unformatted"; exit 1; }
go vet ./...
go vet -C tools ./...
tool staticcheck ./...
# Its analysers bring two hundred modules, which stay out of tools/go.mod. The
# first build takes about a minute on two cores.
go tool -modfile=tools/golangci/go.mod golangci-lint run ./...
go mod tidy -diff
npm run --prefix extension --silent check
go test -C tools ./...
go test ./internal/arch ./internal/i18n ./internal/config ./internal/signin ./internal/enrolment ./internal/recovery ./internal/helpdesk ./internal/web

# The live vulnerability database, or a copy of it beside the repository.
db=()
[ -d ../shared/vulndb ] && db=(-db "file://$(realpath ../shared/vulndb)")
[ ${#db[@]} -gt 0 ] || [ "${CI:-}" != true ] || { echo "the copy of the vulnerability database is missing"; exit 1; }
tool govulncheck "${db[@]}" ./...
