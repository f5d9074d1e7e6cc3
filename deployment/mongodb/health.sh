#!/usr/bin/env bash
# Healthy once this member is primary. The first check makes the replica set.
set -euo pipefail
password=${MONGO_INITDB_ROOT_PASSWORD:-$(cat "${MONGO_INITDB_ROOT_PASSWORD_FILE:-/dev/null}")}
mongosh --quiet -u "${MONGO_INITDB_ROOT_USERNAME:-root}" -p "$password" --authenticationDatabase admin --eval '
  try { rs.status() } catch (error) { rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongodb:27017" }] }) }
  quit(db.hello().isWritablePrimary ? 0 : 1)'
