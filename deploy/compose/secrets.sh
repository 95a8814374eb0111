#!/bin/sh
# Makes the secrets of compose.yaml: passwords at random, and certificates of an
# authority that nobody else knows. They are samples for one machine, and stay in
# a folder that git ignores. Needs openssl.
#
#   deploy/compose/secrets.sh [FOLDER]      FOLDER: deploy/compose/secrets
#
# What is there already is kept. To begin anew: `docker compose down --volumes`
# (the volumes know the old passwords), remove the folder, run this again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$here/secrets}
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")
if [ -e "$dir" ]; then
	echo "$dir is there already; nothing is changed" >&2
	exit 0
fi
# Containers read single files of the folder, under users of their own: the
# files are open, the folder is not.
made=$(mktemp -d "$(dirname "$dir")/secrets.XXXXXX")
trap 'cat "$made/openssl.log" >&2; rm -rf "$made"' EXIT
umask 022

# password prints letters and digits, with the kinds that SQL Server asks for.
password() { printf 'Aa1%s' "$(openssl rand -hex 16)"; }

# rabbit_hash prints a password as RabbitMQ's definitions keep it.
rabbit_hash() {
	salt=$(openssl rand -hex 2)
	{ printf %s "$salt"; printf %s "$salt$1" | openssl dgst -sha256 -binary; } | openssl base64 -A
}

ec='ec -pkeyopt ec_paramgen_curve:P-256'

certificate() { # service, kind of key
	openssl req -newkey $2 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>openssl.log
	printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\n' "$1" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -sha256 \
		-extfile "$1.ext" -out "$1.pem" 2>openssl.log
	chmod 444 "$1.key"
	rm "$1.csr" "$1.ext"
}

cd "$made"
: >openssl.log
for name in sql_admin sql_gatehouse sql_migrate ldap mq mq_admin; do
	password >"$name"
done
sed -e "s|GATEHOUSE_HASH|$(rabbit_hash "$(cat mq)")|" -e "s|ADMIN_HASH|$(rabbit_hash "$(cat mq_admin)")|" \
	"$here/rabbitmq/definitions.json" >definitions.json
openssl req -x509 -newkey $ec -nodes -days 365 -subj "/CN=Gatehouse sample authority" \
	-keyout ca.key -out ca.pem 2>openssl.log
chmod 400 ca.key
for service in gatehouse rabbitmq openldap; do
	certificate "$service" "$ec"
done
certificate sqlserver rsa:2048 # it takes no others
rm -f openssl.log ca.srl
cd "$here"
mv "$made" "$dir"
trap - EXIT
echo "made $dir"
