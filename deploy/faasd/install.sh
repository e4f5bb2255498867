#!/bin/sh
# The Box on a board with faasd: installs, upgrades, backs up, restores and removes. Run as root; each can be run again.
#
#   install.sh install [--registry R] [--tag T] [--sync always|TIME] [--open PART,PART]
#                          also upgrades: what is not given stays as it was. --open publishes a port to the network:
#                          nats, mqtt, websocket, s3, amqp, couchdb; --open none closes them
#   install.sh secrets     prints the faas-cli lines that give the functions their secrets, new or changed
#   install.sh status      what runs, and what does not
#   install.sh backup FILE     stops the services while it copies; the file holds the secrets too
#   install.sh restore FILE
#   install.sh remove [--data] gives faasd its own services back; data and secrets stay unless told
#   install.sh render FOLDER   writes what install would, to look at
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
FAASD=${FAASD:-/var/lib/faasd}
BOX=$FAASD/thebox
UNITS=${UNITS:-/etc/systemd/system}
BIN=${BIN:-/usr/local/bin}
FUNCTION_SECRETS="box-api-key nats-password couchdb-password amqp-password s3-access-key s3-secret-key"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# --- settings: kept in a file, changed by options

read_settings() {
  REGISTRY=ghcr.io/thebox TAG=latest SYNC_INTERVAL=2m OPEN=none
  # shellcheck source=/dev/null
  [ ! -s "$BOX/settings" ] || . "$BOX/settings"
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 must have a value"
    case $2 in *[!A-Za-z0-9._:/,-]*) fail "$1 has a character that is not allowed: $2" ;; esac
    case $1 in
      --registry) REGISTRY=$2 ;;
      --tag) TAG=$2 ;;
      --sync) SYNC_INTERVAL=$2 ;;
      --open) OPEN=$2 ;;
      *) fail "no such option: $1" ;;
    esac
    shift 2
  done
  for part in $(echo "$OPEN" | tr , ' '); do
    case $part in nats | mqtt | websocket | s3 | amqp | couchdb | none) ;; *) fail "cannot open $part" ;; esac
  done
}

write_settings() {
  printf 'REGISTRY=%s\nTAG=%s\nSYNC_INTERVAL=%s\nOPEN=%s\n' "$REGISTRY" "$TAG" "$SYNC_INTERVAL" "$OPEN" >"$1/settings"
}

bind_of() { # PART: the address that its port listens on
  case ",$OPEN," in *",$1,"*) echo 0.0.0.0 ;; *) echo 127.0.0.1 ;; esac
}

board_memory() {
  [ -z "${BOARD_MEMORY:-}" ] || { echo "$BOARD_MEMORY"; return; }
  kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  if [ "$kib" -lt 3000000 ]; then echo 2G; else echo 4G; fi
}

# --- what is installed

render() { # FOLDER: as /var/lib/faasd will have it
  target=$1
  mkdir -p "$target/thebox"
  BOARD_MEMORY=$(board_memory)
  case $BOARD_MEMORY in
    2G) limits="NATS_GOMEMLIMIT=128MiB MINIO_GOMEMLIMIT=192MiB PROMETHEUS_GOMEMLIMIT=96MiB STREAM_MAX_BYTES=2147483648" ;;
    *) limits="NATS_GOMEMLIMIT=256MiB MINIO_GOMEMLIMIT=384MiB PROMETHEUS_GOMEMLIMIT=192MiB STREAM_MAX_BYTES=4294967296" ;;
  esac
  export BOARD_MEMORY SYNC_INTERVAL
  sh "$here/../make-config.sh" "$target/thebox"
  write_settings "$target/thebox"
  set -- REGISTRY="$REGISTRY" TAG="$TAG" BIND_NATS="$(bind_of nats)" BIND_MQTT="$(bind_of mqtt)" \
    BIND_WEBSOCKET="$(bind_of websocket)" BIND_S3="$(bind_of s3)" BIND_AMQP="$(bind_of amqp)" BIND_COUCHDB="$(bind_of couchdb)"
  script=""
  for pair in "$@" $limits $(grep -v '^#' "$here/versions.env"); do
    script="$script;s|\\\${${pair%%=*}}|${pair#*=}|g"
  done
  sed "${script#;}" "$here/docker-compose.yaml" >"$target/docker-compose.yaml"
  cp "$here/prometheus.yml" "$target/prometheus.yml"
  mkdir -p "$target/thebox/prometheus"
  cp "$here/../prometheus/thebox.rules.yml" "$target/thebox/prometheus/thebox.rules.yml"
  chmod 755 "$target/thebox/prometheus"
  chmod 644 "$target/docker-compose.yaml" "$target/prometheus.yml" "$target/thebox/prometheus/thebox.rules.yml"
  make_data "$target/thebox/data"
}

make_data() { # FOLDER: the users are those of docker-compose.yaml
  for pair in nats:10001 couchdb:5984 minio:10002 rabbitmq:999; do
    mkdir -p "$1/${pair%%:*}"
    [ "$(id -u)" -ne 0 ] || chown "${pair#*:}" "$1/${pair%%:*}"
  done
  # Containers reach their own folder by the mount; nobody else of the board goes through here.
  chmod 700 "$1"
}

need_board() {
  [ "$(id -u)" -eq 0 ] || fail "must be run as root"
  command -v systemctl >/dev/null || fail "needs systemd"
  if [ ! -x "$BIN/faasd" ] || [ ! -s "$FAASD/docker-compose.yaml" ]; then
    fail "faasd is not installed; docs/deploy.md says how"
  fi
}

install_box() {
  need_board
  read_settings "$@"
  mkdir -p "$BOX"
  # faasd's own file, for remove.
  [ -e "$BOX/docker-compose.faasd.yaml" ] || cp "$FAASD/docker-compose.yaml" "$BOX/docker-compose.faasd.yaml"
  [ -e "$BOX/prometheus.faasd.yml" ] || [ ! -e "$FAASD/prometheus.yml" ] || cp "$FAASD/prometheus.yml" "$BOX/prometheus.faasd.yml"
  render "$FAASD"
  install -m 755 "$here/thebox-watch.sh" "$BIN/thebox-watch"
  printf '[Unit]\nDescription=Starts services of The Box that ended\nAfter=faasd.service\n[Service]\nType=oneshot\nExecStart=%s/thebox-watch\n' "$BIN" >"$UNITS/thebox-watch.service"
  printf '[Unit]\nDescription=Looks after the services of The Box\n[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1min\n[Install]\nWantedBy=timers.target\n' >"$UNITS/thebox-watch.timer"
  systemctl daemon-reload
  systemctl restart faasd
  make_s3_users
  systemctl enable --now thebox-watch.timer
  echo "Installed. Now the secrets of the functions (install.sh secrets), and then: faas-cli deploy -f stack.yml"
}

make_s3_users() {
  tries=0
  until ctr -n openfaas task exec --exec-id "users-$$-$tries" minio sh /etc/minio/minio-users.sh; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "MinIO did not take its users; see journalctl -u faasd"
    sleep 2
  done
}

print_secrets() {
  [ -d "$BOX/secrets" ] || fail "not installed yet"
  for name in $FUNCTION_SECRETS; do
    # Given anew where the function has one already, as after a restore.
    from="--from-file $BOX/secrets/$name"
    echo "faas-cli secret create $name $from || faas-cli secret update $name $from"
  done
}

status() {
  for name in nats couchdb minio rabbitmq prometheus gateway connector; do
    state=$(ctr -n openfaas task list | awk -v name="$name" '$1 == name { print $3 }')
    echo "$name ${state:-missing}"
  done
}

backup() {
  need_board
  file=${1:?"file missing: install.sh backup FILE"}
  trap 'rm -f "$file.part"; start_again' EXIT
  stop_for_data
  tar -C "$FAASD" -czf "$file.part" thebox
  mv "$file.part" "$file"
  echo "Backed up to $file: it holds data and secrets"
}

restore() {
  need_board
  file=${1:?"file missing: install.sh restore FILE"}
  tar -tzf "$file" thebox/settings >/dev/null || fail "$file is no backup"
  # Whole before anything is stopped or moved: the disk may be too full for it.
  whole=$FAASD/thebox.restoring
  trap 'rm -rf "$whole"' EXIT
  rm -rf "$whole"
  mkdir "$whole"
  tar -C "$whole" --same-owner --numeric-owner -xzf "$file"
  trap 'rm -rf "$whole"; start_again' EXIT
  stop_for_data
  [ ! -e "$BOX" ] || mv "$BOX" "$BOX.before-$(date +%Y%m%d%H%M%S)"
  mv "$whole/thebox" "$BOX"
  read_settings
  render "$FAASD"
  echo "Restored. The functions need the secrets of the backup (install.sh secrets), and then: faas-cli deploy -f stack.yml"
}

stop_for_data() {
  systemctl stop thebox-watch.timer 2>/dev/null || true
  systemctl stop faasd
}

start_again() {
  systemctl start faasd
  systemctl start thebox-watch.timer 2>/dev/null || true
}

remove() {
  need_board
  systemctl disable --now thebox-watch.timer 2>/dev/null || true
  rm -f "$UNITS/thebox-watch.service" "$UNITS/thebox-watch.timer" "$BIN/thebox-watch"
  systemctl daemon-reload
  systemctl stop faasd
  for name in connector buckets nats couchdb minio rabbitmq; do
    ctr -n openfaas task delete -f "$name" >/dev/null 2>&1 || true
    ctr -n openfaas container delete "$name" >/dev/null 2>&1 || true
  done
  [ ! -e "$BOX/docker-compose.faasd.yaml" ] || cp "$BOX/docker-compose.faasd.yaml" "$FAASD/docker-compose.yaml"
  [ ! -e "$BOX/prometheus.faasd.yml" ] || cp "$BOX/prometheus.faasd.yml" "$FAASD/prometheus.yml"
  if [ "${1:-}" = --data ]; then
    # What restore moved aside has secrets, too.
    rm -rf "$BOX" "$BOX".before-*
    echo "Removed, with all data and secrets"
  else
    echo "Removed. Data and secrets are still in $BOX"
  fi
  systemctl start faasd
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  install | upgrade) install_box "$@" ;;
  secrets) print_secrets ;;
  status) status ;;
  backup) backup "$@" ;;
  restore) restore "$@" ;;
  remove) remove "$@" ;;
  render)
    folder=${1:?"folder missing: install.sh render FOLDER"}
    shift
    BOX=$folder/thebox
    read_settings "$@"
    render "$folder"
    ;;
  *)
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
