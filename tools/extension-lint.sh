#!/usr/bin/env bash
# What Mozilla's reviewers run over the extension; no error is allowed. Its own
# package.json, because it brings hundreds of packages.
set -euo pipefail
cd "$(dirname "$0")/../extension"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
[ -d lint/node_modules ] || npm ci --prefix lint --ignore-scripts --no-audit --no-fund
node build.mjs release --origin https://sso.miyako.example --out "$out"
npx --prefix lint web-ext lint --source-dir "$out/firefox" --warnings-as-errors
