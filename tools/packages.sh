#!/usr/bin/env bash
# Installs what the tests need from Debian's packages, if anything is missing.
set -euo pipefail

packages=(apache2 chromium firefox-esr fonts-noto-cjk gcc libc6-dev libapache2-mod-auth-openidc libapache2-mod-shib oathtool postgresql spin xmlsec1)

command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)

# The daemons of these packages are not wanted: each test starts its own.
policy=/usr/sbin/policy-rc.d
install() {
	if [ ! -e "$policy" ]; then
		trap '"${sudo[@]}" rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
		"${sudo[@]}" chmod +x "$policy"
	fi
	"${sudo[@]}" apt-get update -q
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}
[ ${#missing[@]} -eq 0 ] || install

# axe-core, which the stories load into the pages, and what the extension is built with
cd "$(dirname "$0")/.."
for folder in test/e2e extension; do
	[ -d "$folder/node_modules" ] || npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
done
