#!/bin/sh
# Makes the secrets and the configuration of the servers in a folder: make-config.sh FOLDER
#
# A secret that is there already stays, so it can be run again; everything else is made anew. Each server gets a folder of
# its own with what it needs and nothing else, readable for its user alone. In the environment:
#   SYNC_INTERVAL    when NATS writes to disk for sure: `always`, or a time (default 2m)
#   BOARD_MEMORY     2G or 4G: what the servers may use (default 4G)
#   RABBITMQ_FOLDER  where RabbitMQ sees its folder (default /etc/rabbitmq)
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?"folder missing: make-config.sh FOLDER"}
SYNC_INTERVAL=${SYNC_INTERVAL:-2m}
case ${BOARD_MEMORY:-4G} in
  2G) NATS_MEMORY=64MB NATS_DISK=${NATS_DISK:-6GB} RABBITMQ_MEMORY=192MB ;;
  4G) NATS_MEMORY=128MB NATS_DISK=${NATS_DISK:-10GB} RABBITMQ_MEMORY=384MB ;;
  *) echo "BOARD_MEMORY must be 2G or 4G, got $BOARD_MEMORY" >&2; exit 2 ;;
esac
case $SYNC_INTERVAL in
  always | [0-9]*s | [0-9]*m) ;;
  *) echo "SYNC_INTERVAL must be always or a time such as 10s, got $SYNC_INTERVAL" >&2; exit 2 ;;
esac

mkdir -p "$target/secrets"

secret() { # NAME [VALUE]: made once, and there whole or not at all
  [ -s "$target/secrets/$1" ] && return
  if [ $# -gt 1 ]; then
    printf %s "$2" >"$target/secrets/.new"
  else
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$target/secrets/.new"
  fi
  mv -f "$target/secrets/.new" "$target/secrets/$1"
}
for name in box-api-key nats-password nats-sensor-password nats-viewer-password nats-system-password couchdb-password amqp-password; do
  secret "$name"
done

key_pair() { # a new Ed25519 key: its secret half and its public one in hexadecimal
  if command -v openssl >/dev/null; then
    pem=$(openssl genpkey -algorithm ed25519)
    for option in "" -pubout; do
      echo "$pem" | openssl pkey $option -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
      echo
    done
  elif command -v node >/dev/null; then
    node -e '
      const { privateKey, publicKey } = require("node:crypto").generateKeyPairSync("ed25519");
      const hex = (der) => der.subarray(-32).toString("hex");
      console.log(hex(privateKey.export({ format: "der", type: "pkcs8" })));
      console.log(hex(publicKey.export({ format: "der", type: "spki" })));'
  else
    echo "a key cannot be made: there is neither openssl nor node" >&2
    exit 1
  fi
}
nkey() { # HEX: the bytes and their CRC-16 in base32, as NATS writes keys
  left=$1 crc=0
  while [ -n "$left" ]; do
    rest=${left#??}
    crc=$((crc ^ 0x${left%"$rest"} << 8)) left=$rest bit=0
    while [ $bit -lt 8 ]; do
      crc=$(((crc << 1 ^ (crc >> 15) * 0x1021) & 0xffff)) bit=$((bit + 1))
    done
  done
  left=$(printf '%s%02x%02x' "$1" $((crc & 255)) $((crc >> 8))) bits=0 held=0
  while [ -n "$left" ]; do
    rest=${left#??}
    held=$((held << 8 | 0x${left%"$rest"})) bits=$((bits + 8)) left=$rest
    # The last letter is filled up with noughts.
    [ -n "$left" ] || until [ $((bits % 5)) -eq 0 ]; do held=$((held << 1)) bits=$((bits + 1)); done
    while [ $bits -ge 5 ]; do
      bits=$((bits - 5))
      echo ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 | cut -c $(((held >> bits & 31) + 1)) | tr -d '\n'
      held=$((held & (1 << bits) - 1))
    done
  done
}
# Whose word NATS takes about the logins of sources: the connector has the secret half. 9000 is "seed of an account", 00 "account".
if [ ! -s "$target/secrets/nats-issuer-seed" ]; then
  # shellcheck disable=SC2046 # two words
  set -- $(key_pair)
  [ $# -eq 2 ]
  # A public key without its secret half is of a run that was cut off here.
  rm -f "$target/secrets/nats-issuer-public"
  secret nats-issuer-public "$(nkey "00$2")"
  secret nats-issuer-seed "$(nkey "9000$1")"
fi
secret s3-root-user thebox-root
secret s3-root-password
secret s3-access-key thebox
secret s3-secret-key

value() { cat "$target/secrets/$1"; }
give() { # SERVER SECRET…: copies for a server
  server=$1
  shift
  for name; do cp "$target/secrets/$name" "$made/$server/$name"; done
}
hand_over() { # SERVER UID: puts what was made for it in place, each file whole: the server may be starting meanwhile
  mkdir -p "$target/$1"
  # Only root can hand files to others.
  [ "$(id -u)" -ne 0 ] || chown -R "$2" "$target/$1" "$made/$1"
  mv -f "$made/$1"/* "$target/$1/"
}

made=$target/.made
rm -rf "$made"
trap 'rm -rf "$made"' EXIT
mkdir -p "$made/nats" "$made/rabbitmq" "$made/couchdb" "$made/minio" "$made/connector" "$made/buckets"

cp "$here/config/nats-server.conf" "$made/nats/nats-server.conf"
cat >"$made/nats/limits.conf" <<END
# sync_interval: what a loss of power may cost. JetStream acknowledges before it is on the disk, unless it says always.
# Quoted: a bare 2m is two million, of seconds.
jetstream {
  store_dir: /data
  max_memory_store: $NATS_MEMORY
  max_file_store: $NATS_DISK
  sync_interval: "$SYNC_INTERVAL"
}
END
cat >"$made/nats/users.conf" <<END
SYSTEM_SUBJECTS = ["\$SYS.>", "\$JS.>", "\$KV.>", "\$O.>", "\$MQTT.>", "\$SRV.>", "thebox.>"]
# The same but \$MQTT.sub.>, by which nats-server gives a subscriber of MQTT what comes with QoS 1: without it, it grants QoS 0 alone.
VIEWER_SUBJECTS = ["\$SYS.>", "\$JS.>", "\$KV.>", "\$O.>", "\$SRV.>", "thebox.>", "\$MQTT.JSA.>", "\$MQTT.msgs.>", "\$MQTT.rmsgs.>",
  "\$MQTT.sess.>", "\$MQTT.qos2.>", "\$MQTT.pubrel.>", "\$MQTT.out.>", "\$MQTT.deliver.>"]
# The account of the server itself: the connector ends connections there.
accounts { \$SYS: { users: [ { user: thebox-system, password: "$(value nats-system-password)" } ] } }
authorization {
  # Who is none of these users is asked of the connector: sources, each with its token.
  auth_callout { issuer: $(value nats-issuer-public), auth_users: [ thebox, sensor, viewer, thebox-system ] }
  # The connector may have to read the sources first.
  timeout: 10
  users = [
    # The functions, the connector and who looks after them.
    { user: thebox, password: "$(value nats-password)" }
    # Sensors: may publish signals, and hear whether they were stored.
    { user: sensor, password: "$(value nats-sensor-password)", permissions: {
      publish: { deny: \$SYSTEM_SUBJECTS }
      subscribe: { allow: ["_INBOX.>"] }
    } }
    # Whoever acts upon notifications: may listen, not speak.
    { user: viewer, password: "$(value nats-viewer-password)", permissions: {
      publish: { deny: ">" }
      subscribe: { deny: \$VIEWER_SUBJECTS }
    } }
  ]
}
END
hand_over nats 10001

sed "s|\${RABBITMQ_MEMORY}|$RABBITMQ_MEMORY|;s|\${RABBITMQ_FOLDER}|${RABBITMQ_FOLDER:-/etc/rabbitmq}|" "$here/config/rabbitmq.conf" >"$made/rabbitmq/rabbitmq.conf"
printf '[rabbitmq_prometheus].\n' >"$made/rabbitmq/enabled_plugins"
cat >"$made/rabbitmq/definitions.json" <<END
{
  "users": [{ "name": "thebox", "password": "$(value amqp-password)", "tags": ["administrator"] }],
  "vhosts": [{ "name": "/" }, { "name": "sensory" }],
  "permissions": [
    { "user": "thebox", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*" },
    { "user": "thebox", "vhost": "sensory", "configure": ".*", "write": ".*", "read": ".*" }
  ]
}
END
hand_over rabbitmq 999

# CouchDB hashes the password in this file when it starts.
cat >"$made/couchdb/thebox.ini" <<END
[couchdb]
single_node = true
max_dbs_open = 100

[chttpd]
bind_address = 0.0.0.0
require_valid_user_except_for_up = true

[log]
level = warning

[admins]
thebox = $(value couchdb-password)
END
hand_over couchdb 5984

cp "$here/config/minio-users.sh" "$here/../minio/policy/sensory.json" "$here/../minio/policy/inference.json" "$made/minio/"
give minio s3-root-user s3-root-password s3-access-key s3-secret-key
hand_over minio 10002

give connector box-api-key nats-password nats-issuer-seed nats-system-password couchdb-password amqp-password
hand_over connector 1000

give buckets s3-root-user s3-root-password
hand_over buckets 1000
