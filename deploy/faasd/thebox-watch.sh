#!/bin/sh
# Starts faasd's services again when one of them has ended: faasd itself does not. Run every minute by a timer; acts when
# the same service was down twice in a row, so that a restart by hand is left alone.
set -eu
state=/run/thebox-down
down=""
for name in nats couchdb minio rabbitmq prometheus gateway connector; do
  ctr -n openfaas task list | awk -v name="$name" '$1 == name && $3 == "RUNNING" { found = 1 } END { exit !found }' || down="$down $name"
done
before=$(cat "$state" 2>/dev/null || true)
printf %s "$down" >"$state"
for name in $down; do
  case " $before " in
    *" $name "*)
      echo "$name has ended: faasd is started again"
      rm -f "$state"
      exec systemctl restart faasd
      ;;
  esac
done
