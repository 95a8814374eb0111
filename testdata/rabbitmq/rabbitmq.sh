#!/bin/sh
# Runs Debian's rabbitmq-server for tests: without systemd, in a directory of its
# own, on loopback only, under the calling user.
#
#   rabbitmq.sh start DIR PORT   starts it and prints its URL when it takes connections
#   rabbitmq.sh stop DIR         stops it; DIR and its logs stay
#
# PORT is AMQP's; PORT+1 and PORT+2 are used by Erlang's distribution and port
# mapper. The user is gatehouse, the password gatehouse-secret; the sample's people
# have users too, with the passwords that they have in the directory.
set -eu

server=/usr/lib/rabbitmq/bin/rabbitmq-server

fail() {
	echo "rabbitmq.sh: $*" >&2
	exit 1
}

# environment points every part of the broker into $dir.
environment() {
	HOME=$dir/home
	RABBITMQ_NODENAME=gatehouse-$port@localhost
	RABBITMQ_MNESIA_BASE=$dir/mnesia
	RABBITMQ_LOG_BASE=$dir/log
	RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf
	RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins
	RABBITMQ_PID_FILE=$dir/pid
	RABBITMQ_DIST_PORT=$((port + 1))
	ERL_EPMD_ADDRESS=127.0.0.1
	ERL_EPMD_PORT=$((port + 2))
	RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
	export HOME RABBITMQ_NODENAME RABBITMQ_MNESIA_BASE RABBITMQ_LOG_BASE RABBITMQ_CONFIG_FILE
	export RABBITMQ_ENABLED_PLUGINS_FILE RABBITMQ_PID_FILE RABBITMQ_DIST_PORT
	export ERL_EPMD_ADDRESS ERL_EPMD_PORT RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS
}

configure() {
	mkdir -p "$dir/home" "$dir/mnesia" "$dir/log"
	if [ ! -s "$dir/home/.erlang.cookie" ]; then
		head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/home/.erlang.cookie"
		chmod 400 "$dir/home/.erlang.cookie"
	fi
	echo '[].' >"$dir/enabled_plugins"
	cat >"$dir/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$port
load_definitions = $dir/definitions.json
log.file.level = info
END
	cat >"$dir/definitions.json" <<'END'
{
  "users": [
    {"name": "gatehouse", "password": "gatehouse-secret", "tags": "administrator"},
    {"name": "erp.alice", "password": "erp.alice-secret", "tags": ""},
    {"name": "wms.bob", "password": "wms.bob-secret", "tags": ""},
    {"name": "mdm.dana", "password": "mdm.dana-secret", "tags": ""},
    {"name": "carol", "password": "carol-secret", "tags": ""}
  ],
  "vhosts": [{"name": "/"}],
  "permissions": [
    {"user": "gatehouse", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "erp.alice", "vhost": "/", "configure": "amq\\.gen.*", "write": ".*", "read": "amq\\.gen.*"},
    {"user": "wms.bob", "vhost": "/", "configure": "amq\\.gen.*", "write": ".*", "read": "amq\\.gen.*"},
    {"user": "mdm.dana", "vhost": "/", "configure": "amq\\.gen.*", "write": ".*", "read": "amq\\.gen.*"},
    {"user": "carol", "vhost": "/", "configure": "amq\\.gen.*", "write": ".*", "read": "amq\\.gen.*"}
  ]
}
END
	echo "$port" >"$dir/port"
}

# listening looks for the port in the kernel's table: no client is needed.
listening() {
	hex=$(printf '0100007F:%04X' "$port")
	awk -v want="$hex" '$2 == want && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp
}

start() {
	[ -x "$server" ] || fail "$server is missing; install the package rabbitmq-server"
	mkdir -p "$1"
	dir=$(cd "$1" && pwd)
	port=$2
	listening && fail "port $port is taken"
	environment
	configure
	rm -f "$dir/pid"
	"$server" >"$dir/log/console" 2>&1 </dev/null &
	echo $! >"$dir/launcher"
	tries=0
	until listening; do
		kill -0 "$(cat "$dir/launcher")" 2>/dev/null || fail "the broker ended; see $dir/log/console"
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "the broker does not listen after five minutes; see $dir/log"
		sleep 0.25
	done
	echo "amqp://gatehouse:gatehouse-secret@127.0.0.1:$port"
}

stop() {
	[ -s "$1/port" ] || fail "nothing was started in $1"
	dir=$(cd "$1" && pwd)
	port=$(cat "$dir/port")
	environment
	pid=$(cat "$dir/pid" 2>/dev/null || cat "$dir/launcher")
	kill "$pid" 2>/dev/null || true
	tries=0
	while kill -0 "$pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 120 ] || kill -9 "$pid" 2>/dev/null || true
		[ "$tries" -lt 140 ] || fail "process $pid does not end"
		sleep 0.25
	done
	epmd -kill >/dev/null 2>&1 || true
	rm -f "$dir/port" "$dir/pid" "$dir/launcher"
}

case "${1-} $#" in
"start 3") start "$2" "$3" ;;
"stop 2") stop "$2" ;;
*) fail "usage: rabbitmq.sh start DIR PORT | stop DIR" ;;
esac
