#!/usr/bin/env bash
# Makes C++ of WSDLs with gSOAP's wsdl2h and soapcpp2.
#
# Reads locations from standard input, one a line, and prints for each "ok", a tab
# and the location, or the reason why not in the place of "ok".
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
while read -r location; do
  rm -rf "$dir"/*
  verdict=ok
  if ! timeout 60 wsdl2h -O1 -o "$dir/x.h" "$location" >"$dir/log" 2>&1; then
    verdict="wsdl2h: $(tail -3 "$dir/log" | tr '\n\t' '  ')"
  elif ! timeout 60 soapcpp2 -j -C -w -x -I/usr/share/gsoap/import -d"$dir" "$dir/x.h" >"$dir/log" 2>&1; then
    verdict="soapcpp2: $(grep -i 'error' "$dir/log" | head -3 | tr '\n\t' '  ')"
  fi
  printf '%s\t%s\n' "$verdict" "$location"
done
