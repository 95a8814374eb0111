#!/bin/sh
# Runs parquet_read.mjs with hyparquet, installed for this run alone. Where it cannot be
# fetched it says so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work"
file=$(realpath "$1") expected=$(realpath "$2")
cd "$work"
if ! npm ci --no-audit --no-fund --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000 >npm.log 2>&1; then
  tail -20 npm.log >&2
  if grep -Eq 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|E403|E50[0-9]' npm.log; then
    echo 'its packages cannot be fetched here'
    exit 0
  fi
  exit 1
fi
node "$here/parquet_read.mjs" "$file" "$expected"
