#!/bin/sh
# Makes the user of the functions in MinIO, with the rights of minio/policy alone. Runs in MinIO's own container, whose
# image has the client mc; can be run again. Passwords come from files and go through pipes: none is an argument.
set -eu
cd "$(dirname "$0")"
MC_HOST_box="http://$(cat s3-root-user):$(cat s3-root-password)@${S3_HOST:-127.0.0.1:9000}"
export MC_HOST_box MC_CONFIG_DIR=/tmp/mc
for policy in sensory inference; do
  mc admin policy create box "thebox-$policy" "$policy.json"
done
user=$(cat s3-access-key)
{ cat s3-access-key; echo; cat s3-secret-key; echo; } | mc admin user add box
for policy in sensory inference; do
  mc admin policy attach box "thebox-$policy" --user "$user" && continue
  # Attached already: some releases of mc call that an error. The image has no grep.
  case $(mc admin user info box "$user") in *"thebox-$policy"*) ;; *) exit 1 ;; esac
done
