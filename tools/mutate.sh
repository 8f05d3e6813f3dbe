#!/usr/bin/env bash
# Takes away each //guard: in turn, in a copy of the committed tree, and wants a
# test to fail. About half an hour.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d "${TMPDIR:-/tmp}/warifu-mutate.XXXXXX")
trap 'rm -rf "$copy"' EXIT
git clone -q . "$copy"
go run -C tools ./mutate -root "$copy"
