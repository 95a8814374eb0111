#!/usr/bin/env bash
# Runs a command with the real servers that the tests speak to: Debian's slapd
# and rabbitmq-server, in a directory and on ports of their own on loopback, and
# samba as an Active Directory domain controller, on a loopback address of its own.
# They are installed when missing and this is root on Debian or Ubuntu, as are
# the tools of others that read what we publish and call us: zeep, PHP, gSOAP,
# SOAP::Lite, JAX-WS RI, node with npm, and xmllint.
# Without them the tests that need them skip, saying so (with CI=true they fail).
#
# usage: testdata/servers/run.sh go test ./...
#
# `go test` runs through gotestsum, whose summary closes the output.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"

export GOTOOLCHAIN=auto
gotestsum=gotest.tools/gotestsum@v1.13.0

say() { printf 'servers: %s\n' "$*" >&2; }

have() { [ -x /usr/sbin/slapd ] && [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; }

# Samba's ports are privileged and cannot be chosen.
have_samba() {
  [ "$(id -u)" = 0 ] && [ -x /usr/sbin/samba ] && [ -d /usr/share/samba/setup ] && [ -e /usr/lib/*/samba/vfs/acl_xattr.so ]
}

# Tests of the deployment confine the gateway as its unit and its container do.
have_confinement() { command -v bwrap >/dev/null && command -v systemd-analyze >/dev/null; }

# Tests of what is published load it with tools that others use, and call with them.
have_readers() {
  /usr/bin/python3 -c 'import zeep, openpyxl' 2>/dev/null && command -v xlsx2csv >/dev/null &&
    command -v php >/dev/null && php -r 'exit(extension_loaded("soap") ? 0 : 1);' &&
    command -v wsdl2h >/dev/null && command -v soapcpp2 >/dev/null && command -v xmllint >/dev/null &&
    command -v gcc >/dev/null && [ -e /usr/include/stdsoap2.h ] && [ -e /usr/include/openssl/evp.h ] && [ -e /usr/include/zlib.h ] &&
    perl -MSOAP::Lite -MMIME::Entity -e1 2>/dev/null && [ -e /usr/share/java/jaxws-rt.jar ] && command -v javac >/dev/null &&
    command -v node >/dev/null && command -v npm >/dev/null &&
    command -v xmlsec1 >/dev/null && /usr/bin/python3 -c "import xmlsec" 2>/dev/null
}

servers="slapd ldap-utils openssl rabbitmq-server bubblewrap systemd"
samba="samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind"
readers="python3-zeep python3-openpyxl xlsx2csv python3-xmlsec xmlsec1 php-cli php-soap gsoap libxml2-utils libgsoap-dev gcc libc6-dev libssl-dev zlib1g-dev libsoap-lite-perl libmime-tools-perl libjaxws-java"
# What may be here from elsewhere is not installed beside it.
command -v javac >/dev/null || readers="$readers default-jdk-headless"
command -v npm >/dev/null || readers="$readers nodejs npm"

install_packages() {
  have && have_samba && have_confinement && have_readers && return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "$servers $samba $readers are not all installed and this is not root on Debian: tests will skip"
    return 0
  fi
  say "installing $servers $samba $readers"
  # Packages would start services of their own; a policy that answers 101 keeps
  # them from it while we install.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
  fi
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # lists of packages
  if ! { apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 \
    $servers $samba $readers; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    say "installing failed"
  fi
  rm -f "$log"
  [ -z "$made" ] || rm -f "$policy"
}

# free_port prints a TCP port that nothing listens on, with two free ones behind
# it, below those that the system hands out by itself.
free_port() {
  local port p
  while :; do
    port=$((20000 + RANDOM % 12000))
    for p in "$port" $((port + 1)) $((port + 2)); do
      (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && continue 2
    done
    echo "$port"
    return
  done
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/gatehouse-servers.XXXXXX")
started=()
samba_start= # the process that starts samba
stop_servers() {
  local status=$?
  trap - EXIT INT TERM
  [ -z "$samba_start" ] || wait "$samba_start" || true # what is half started cannot be stopped
  for s in "${started[@]:-}"; do
    [ -z "$s" ] || "$top/testdata/$s" stop "$dir/$(basename "$s" .sh)" >>"$dir/stop.log" 2>&1 || say "stopping $s failed"
  done
  rm -rf "$dir"
  exit "$status"
}
trap stop_servers EXIT INT TERM

# start runs a server's script and prints what it says of how to reach it.
start() { # script, arguments
  local script=$1
  shift
  local log
  log=$dir/$(basename "$script").log
  if ! "$top/testdata/$script" start "$dir/$(basename "$script" .sh)" "$@" 2>"$log"; then
    cat "$log" >&2
    say "$script did not start"
    return 1
  fi
}

# free_address prints a loopback address that no directory listens on.
free_address() {
  local address p
  while :; do
    address=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)).$((RANDOM % 250 + 2))
    for p in 88 389 636; do
      (exec 3<>"/dev/tcp/$address/$p") 2>/dev/null && continue 2
    done
    echo "$address"
    return
  done
}

# start_samba begins with it, for half a minute; await_samba ends that.
start_samba() {
  have_samba && [ -z "${GATEHOUSE_TEST_AD:-}" ] || return 0
  started+=(ldap/samba.sh)
  start ldap/samba.sh "$(free_address)" >"$dir/samba.url" &
  samba_start=$!
}

await_samba() {
  [ -n "$samba_start" ] || return 0
  local starting=$samba_start
  samba_start=
  wait "$starting"
  GATEHOUSE_TEST_AD=$(cat "$dir/samba.url")
  export GATEHOUSE_TEST_AD
  say "samba at ${GATEHOUSE_TEST_AD%%\?*}"
}

start_servers() {
  start_samba
  start_others
  await_samba
}

start_others() {
  have || return 0
  if [ -z "${GATEHOUSE_TEST_LDAP:-}" ]; then
    started+=(ldap/slapd.sh)
    GATEHOUSE_TEST_LDAP=$(start ldap/slapd.sh "$(free_port)" "$(free_port)")
    export GATEHOUSE_TEST_LDAP
  fi
  if [ -z "${GATEHOUSE_TEST_AMQP:-}" ]; then
    started+=(rabbitmq/rabbitmq.sh)
    # Its three ports may be taken between the look and the start: try again then.
    GATEHOUSE_TEST_AMQP=$(start rabbitmq/rabbitmq.sh "$(free_port)") || {
      "$top/testdata/rabbitmq/rabbitmq.sh" stop "$dir/rabbitmq" >>"$dir/stop.log" 2>&1 || true
      rm -rf "$dir/rabbitmq"
      GATEHOUSE_TEST_AMQP=$(start rabbitmq/rabbitmq.sh "$(free_port)")
    }
    export GATEHOUSE_TEST_AMQP
  fi
  say "slapd at ${GATEHOUSE_TEST_LDAP%%\?*}, rabbitmq at ${GATEHOUSE_TEST_AMQP##*@}"
}

install_packages
start_servers
if [ "${1:-} ${2:-}" = "go test" ]; then
  shift 2
  go run "$gotestsum" --format pkgname-and-test-fails -- "$@"
else
  "$@"
fi
