#!/bin/sh
# Generates, compiles and runs the client, in a folder of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
IFS= read -r location && IFS= read -r user && IFS= read -r password
# The manifests name the jars that these need, but for those of the compiler of schemas.
path=.
for jar in jaxws-tools jaxws-rt jaxb-xjc jaxb-runtime codemodel xsom rngom relaxngDatatype dtd-parser txw2 \
  istack-commons-runtime istack-commons-tools javax.activation; do
  path=$path:/usr/share/java/$jar.jar
done
cd "$work"
orders=${location%/interop/*}/orders/OrderService
import() {
  java -XX:TieredStopAtLevel=1 -cp "$path" -Djavax.xml.accessExternalSchema=all com.sun.tools.ws.WsImport -extension -quiet -Xnocompile -p "$1" -s . "$2?wsdl" >&2
}
import bookings "$location"
import orders "$orders"
javac -J-XX:TieredStopAtLevel=1 -nowarn -encoding UTF-8 -cp "$path" -d . bookings/*.java orders/*.java "$here/Client.java" >&2
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$path" Client "$location" "$user" "$password"
