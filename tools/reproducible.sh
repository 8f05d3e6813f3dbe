#!/usr/bin/env bash
# Builds the committed tree twice, in folders of their own and with nothing kept
# from the one build to the other, and wants the same bytes. A minute or two.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/warifu-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
for copy in "$work/one" "$work/another/and-deeper"; do
	git clone -q . "$copy/tree"
	# The revision stands in the program (-buildvcs), the folder does not (-trimpath).
	env -u GOFLAGS CGO_ENABLED=0 GOCACHE="$copy/cache" \
		go build -C "$copy/tree" -trimpath -buildvcs=true -o "$copy/warifu" ./cmd/warifu
	sha256sum "$copy/warifu" | sed "s|$work/||"
done
cmp "$work/one/warifu" "$work/another/and-deeper/warifu"
