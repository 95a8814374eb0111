#!/bin/sh
# Generates, compiles and runs the client, in a folder of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
IFS= read -r location && IFS= read -r user && IFS= read -r password
cd "$work"
shared=/usr/share/gsoap
wsdl2h -c -P -o both.h "$location?wsdl" "${location%/interop/*}/orders/OrderService?wsdl" >&2 2>/dev/null
printf '#import "wsse.h"\n#import "wsa5.h"\n' | cat - both.h >all.h
soapcpp2 -c -C -L -x -I"$shared/import" all.h >&2
# As the library was compiled: else its structures are other ones.
gcc -O0 -w -DWITH_IPV6 -DWITH_OPENSSL -DWITH_GZIP -DWITH_DOM -I. -I"$shared/plugin" -I"$shared" -o client \
  "$here/client.c" soapC.c soapClient.c "$shared/plugin/wsaapi.c" "$shared/plugin/wsseapi-lite.c" "$shared/custom/struct_timeval.c" -lgsoapssl -lssl -lcrypto -lz -lm >&2
./client "$location" "$user" "$password"
