#!/usr/bin/env bash
# Takes away each //guard: in turn and wants a test to fail, on SQLite or on a
# private PostgreSQL. The arguments are those of tools/mutate.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/with-postgres.sh go run -C tools ./mutate "$@"
