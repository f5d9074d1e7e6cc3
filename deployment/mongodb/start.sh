#!/usr/bin/env bash
# Start MongoDB as a replica set with one member and authentication. Members of a replica set with authentication need a
# shared key; LCM_MONGODB_KEY_FILE names it, else one is made that lives as long as the container.
set -euo pipefail
key=/tmp/mongodb.key
if [[ -n "${LCM_MONGODB_KEY_FILE:-}" ]]; then
  cp "$LCM_MONGODB_KEY_FILE" "$key"
else
  head -c 512 /dev/urandom | base64 -w 0 > "$key"
fi
chmod 400 "$key"
chown mongodb:mongodb "$key" 2> /dev/null || true
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile "$key" --wiredTigerCacheSizeGB "${LCM_MONGODB_CACHE_GB:-0.5}"
