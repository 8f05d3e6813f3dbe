#!/usr/bin/env bash
# Checks the models of docs/models with spin, and that the TOTP verifier would
# fail if its statement were taken apart.
set -euo pipefail
cd "$(dirname "$0")/.."

models=$PWD/docs/models
work=$(mktemp -d "${TMPDIR:-/tmp}/warifu-model.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

check() { # name, macro
	spin ${2:+"$2"} -a "$models/$1.pml"
	cc -O1 -DSAFETY -o pan pan.c
	./pan -m100000 >"$1.out"
	grep -E 'errors:|states, stored|unreached' "$1.out" | sed "s/^/$1: /"
	grep -q 'errors: 0' "$1.out"
}
check totp ""
check recovery ""
if check totp -DAPART; then
	echo "the model of the verifier does not see what it is for" && exit 1
fi
echo "models: as they should be"
