#!/bin/sh
# Addresses and keys of the laptop's containers as shell exports, for whoever looks after them:
#   eval "$(sh deploy/compose/env.sh)"                            with Docker
#   eval "$(COMPOSE=podman-compose sh deploy/compose/env.sh)"     with Podman
# The S3 user is the one that may put models: the functions' own may only read them.
set -eu
cd "$(dirname "$0")/../.."
secret() { # FILE, of the volume `config`
  value=$(${COMPOSE:-docker compose} exec -T connector cat "/config/$1" </dev/null)
  [ -n "$value" ] || { echo "Cannot read $1: the connector must be running" >&2; exit 1; }
  printf %s "$value"
}
couchdb=$(secret secrets/couchdb-password)
amqp=$(secret secrets/amqp-password)
nats=$(secret secrets/nats-password)
key=$(secret secrets/box-api-key)
s3_user=$(secret secrets/s3-root-user)
s3_password=$(secret secrets/s3-root-password)
sensor=$(secret secrets/nats-sensor-password)
viewer=$(secret secrets/nats-viewer-password)
cat <<END
export BOX_GATEWAY=http://127.0.0.1:8080
export BOX_API_KEY=$key
export BOX_CONNECTOR=http://127.0.0.1:8081
export NATS_URL=nats://127.0.0.1:4222
export NATS_USER=thebox
export NATS_PASSWORD=$nats
export NATS_SENSOR_PASSWORD=$sensor
export NATS_VIEWER_PASSWORD=$viewer
export COUCHDB_URL=http://thebox:$couchdb@127.0.0.1:5984
export S3_ENDPOINT=http://127.0.0.1:9000
export S3_ACCESS_KEY=$s3_user
export S3_SECRET_KEY=$s3_password
export AMQP_URL=amqp://thebox:$amqp@127.0.0.1:5672/sensory
END
