#!/bin/sh
# Runs Debian's slapd for tests: on loopback, on ports of its own, everything in
# one folder, filled with corp.ldif and states.ldif.
#
#   slapd.sh start DIR PORT [TLSPORT]   prints the value for GATEHOUSE_TEST_LDAP
#   slapd.sh stop DIR
#
# Needs the packages slapd, ldap-utils and openssl. start returns when the
# directory answers.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
base=dc=corp,dc=example
PATH=$PATH:/usr/sbin

usage() {
	sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

certificate() { # an authority, and a certificate for localhost and 127.0.0.1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Test authority" \
		-keyout "$1/ca.key" -out "$1/ca.pem" 2>"$1/openssl.log"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
		-keyout "$1/server.key" -out "$1/server.csr" 2>>"$1/openssl.log"
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$1/server.ext"
	openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
		-extfile "$1/server.ext" -out "$1/server.pem" 2>>"$1/openssl.log"
}

configuration() {
	cat >"$1/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/inetorgperson.schema
		pidfile $1/slapd.pid
		argsfile $1/slapd.args
		modulepath /usr/lib/ldap
		moduleload back_mdb
		moduleload ppolicy
		moduleload memberof
		TLSCACertificateFile $1/ca.pem
		TLSCertificateFile $1/server.pem
		TLSCertificateKeyFile $1/server.key
		disallow bind_anon
		sizelimit 1000
		database mdb
		suffix "$base"
		rootdn "cn=manager,$base"
		rootpw manager-secret
		directory $1/db
		dbnosync
		index objectClass,uid,member eq
		access to attrs=userPassword by anonymous auth by * none
		access to * by dn.exact="cn=gatehouse,ou=Services,$base" read by users auth by * none
		overlay ppolicy
		ppolicy_default "cn=default,ou=Policies,$base"
		ppolicy_use_lockout
		overlay memberof
	END
}

start() {
	dir=$1 port=$2 tls=${3:-}
	rm -rf "$dir/db"
	mkdir -p "$dir/db"
	dir=$(cd "$dir" && pwd)
	certificate "$dir"
	configuration "$dir"
	urls="ldap://127.0.0.1:$port/"
	[ -z "$tls" ] || urls="$urls ldaps://127.0.0.1:$tls/"
	slapd -h "$urls" -f "$dir/slapd.conf" >"$dir/slapd.log" 2>&1 || { echo "slapd does not start at $urls" >&2; cat "$dir/slapd.log" >&2; exit 1; }
	i=0
	until ldapsearch -x -H "ldap://127.0.0.1:$port" -s base -b '' -D "cn=manager,$base" -w manager-secret >/dev/null 2>&1; do
		i=$((i + 1))
		[ "$i" -lt 100 ] || { echo "slapd does not start at $urls" >&2; cat "$dir/slapd.log" >&2; exit 1; }
		sleep 0.1
	done
	for file in corp states; do
		ldapadd -x -H "ldap://127.0.0.1:$port" -D "cn=manager,$base" -w manager-secret -e relax \
			-f "$here/$file.ldif" >"$dir/$file.log" 2>&1 || { cat "$dir/$file.log" >&2; stop "$dir"; exit 1; }
	done
	url="ldap://127.0.0.1:$port/$base?binddn=cn=gatehouse,ou=Services,$base&password=gatehouse-secret&ca_file=$dir/ca.pem"
	[ -z "$tls" ] || url="$url&tls_port=$tls"
	echo "$url"
}

stop() {
	[ -f "$1/slapd.pid" ] || return 0
	pid=$(cat "$1/slapd.pid")
	kill "$pid" 2>/dev/null || true
	i=0 # it removes the file when it has ended
	while [ -f "$1/slapd.pid" ] && [ "$i" -lt 100 ]; do
		i=$((i + 1))
		sleep 0.1
	done
	rm -f "$1/slapd.pid"
}

case "${1:-}" in
start) [ $# -ge 3 ] && [ $# -le 4 ] || usage; start "$2" "$3" "${4:-}" ;;
stop) [ $# -eq 2 ] || usage; stop "$2" ;;
*) usage ;;
esac
