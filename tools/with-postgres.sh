#!/usr/bin/env bash
# Runs a command with TEST_POSTGRES_URL: a private PostgreSQL on 127.0.0.1,
# which is removed afterwards.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
dir=$(mktemp -d "${TMPDIR:-/tmp}/warifu-postgres.XXXXXX")
as=()
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root
	chown postgres: "$dir"
	as=(runuser -u postgres --)
fi
trap '"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop || true; rm -rf "$dir"' EXIT

port=$((20000 + RANDOM % 20000))
"${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -s -w -l "$dir/log" \
	-o "-h 127.0.0.1 -p $port -k $dir -c max_connections=300 -c fsync=off" start
TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable" "$@"
