#!/bin/sh
# Runs Debian's Samba as an Active Directory domain controller for tests: on a
# loopback address of its own, everything in one folder. Its ports, 389 and 636
# among them, cannot be chosen, so it takes root.
#
#   samba.sh start DIR ADDRESS   prints the value for GATEHOUSE_TEST_AD
#   samba.sh stop DIR
#
# ADDRESS is one of 127.0.0.0/8 that nothing listens on. Needs the packages samba,
# samba-ad-provision, samba-dsdb-modules, samba-vfs-modules, winbind, ldap-utils
# and openssl. start returns when the directory answers. The tests make their
# entries themselves.
set -eu

base=dc=corp,dc=example
password=Passw0rd-of-the-lab

usage() {
	sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

certificate() { # an authority, and a certificate for dc1.corp.example and ADDRESS
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Test authority" \
		-keyout "$1/ca.key" -out "$1/ca.pem" 2>"$1/openssl.log"
	openssl req -newkey rsa:2048 -nodes -subj "/CN=dc1.corp.example" \
		-keyout "$1/server.key" -out "$1/server.csr" 2>>"$1/openssl.log"
	printf 'subjectAltName=DNS:dc1.corp.example,IP:%s\n' "$2" >"$1/server.ext"
	openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
		-extfile "$1/server.ext" -out "$1/server.pem" 2>>"$1/openssl.log"
	chmod 600 "$1/server.key"
}

# Without /8 behind the address Samba opens no port; [sysvol] and [netlogon] must
# stand there before it provisions.
configuration() {
	cat >"$1/smb.conf" <<-END
		[global]
		netbios name = DC1
		realm = CORP.EXAMPLE
		workgroup = CORP
		server role = active directory domain controller
		server services = ldap, kdc
		dcerpc endpoint servers = none
		interfaces = $2/8
		bind interfaces only = yes
		private dir = $1/private
		state directory = $1/state
		cache directory = $1/cache
		lock directory = $1/lock
		pid directory = $1/pid
		ncalrpc dir = $1/ncalrpc
		ntp signd socket directory = $1/ntp
		winbindd socket directory = $1/winbindd
		log file = $1/samba.log
		tls enabled = yes
		tls certfile = $1/server.pem
		tls keyfile = $1/server.key
		tls cafile = $1/ca.pem
		[sysvol]
		path = $1/sysvol
		read only = no
		[netlogon]
		path = $1/netlogon
		read only = no
	END
}

start() {
	mkdir -p "$1"
	dir=$(cd "$1" && pwd) address=$2
	for d in private state cache lock pid ncalrpc sysvol/corp.example/scripts netlogon; do mkdir -p "$dir/$d"; done
	certificate "$dir" "$address"
	configuration "$dir" "$address"
	samba-tool domain provision -s "$dir/smb.conf" --realm=CORP.EXAMPLE --domain=CORP --server-role=dc --dns-backend=NONE \
		--adminpass="$password" --host-name=dc1 --host-ip="$address" >"$dir/provision.log" 2>&1 ||
		{ echo "provisioning a domain failed" >&2; tail -20 "$dir/provision.log" >&2; exit 1; }
	samba -i -M single -s "$dir/smb.conf" >"$dir/samba.out" 2>&1 &
	echo $! >"$dir/pid/own.pid"
	i=0
	until LDAPTLS_CACERT="$dir/ca.pem" ldapsearch -x -H "ldaps://$address" -s base -b "$base" -D administrator@corp.example -w "$password" dn >/dev/null 2>&1; do
		i=$((i + 1))
		[ "$i" -lt 200 ] && kill -0 "$(cat "$dir/pid/own.pid")" 2>/dev/null ||
			{ echo "samba does not start at $address" >&2; tail -20 "$dir/samba.out" >&2; exit 1; }
		sleep 0.1
	done
	echo "ldaps://$address/$base?password=$password&ca_file=$dir/ca.pem"
}

stop() {
	[ -f "$1/pid/own.pid" ] || return 0
	pid=$(cat "$1/pid/own.pid")
	kill "$pid" 2>/dev/null || return 0
	i=0
	while kill -0 "$pid" 2>/dev/null; do
		i=$((i + 1))
		[ "$i" -lt 50 ] || { kill -9 "$pid"; break; }
		sleep 0.1
	done
}

case ${1:-} in
start) [ $# -eq 3 ] || usage; start "$2" "$3" ;;
stop) [ $# -eq 2 ] || usage; stop "$2" ;;
*) usage ;;
esac
