#!/bin/sh
# Starts slapd over TLS. Its first start fills the directory with the sample's
# users; the gateway's own account gets the password that was made for it.
set -eu
here=$(dirname "$0")
if [ ! -e /var/lib/ldap/data.mdb ]; then
	hash=$(slappasswd -s "$(cat /run/secrets/ldap)")
	sed "/^dn: cn=gatehouse,/,/^\$/s|^userPassword:.*|userPassword: $hash|" /seed/directory.ldif |
		slapadd -f "$here/slapd.conf"
fi
# -d keeps it in the foreground: connections and operations are logged.
exec slapd -f "$here/slapd.conf" -h ldaps://0.0.0.0:1636/ -d stats
