#!/usr/bin/env bash
# Makes the list of common passwords anew: the frequency lists of two versions
# of a password-strength library, folded as the server folds, in the order of
# their bytes. Needs npm, node and the registry; the result is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent zxcvbn@4.4.2 @zxcvbn-ts/language-common@4.1.3
cat >"$dir/list.mjs" <<'JS'
import old from 'zxcvbn/lib/frequency_lists.js'
import * as common from '@zxcvbn-ts/language-common'
for (const word of [...old.passwords, ...common.dictionary['passwords-common']]) {
  console.log(word.normalize('NFKC').toUpperCase().toLowerCase())
}
JS
node "$dir/list.mjs" | sort -u | gzip -9n >internal/authenticator/password/common.txt.gz
zcat internal/authenticator/password/common.txt.gz | wc -l
