#!/usr/bin/env bash
# Runs every fuzz target for a time, such as 30s.
set -euo pipefail

time=${1:?time, such as 30s}
grep -rl --include='*_test.go' '^func Fuzz' internal | sort | while read -r file; do
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
		echo "== $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "./$(dirname "$file")" </dev/null
	done
done
