#!/usr/bin/env bash
# Bring the production stack back to a backup: restore.sh FOLDER/<time>. What happened since then is gone. Also for a
# machine whose volumes are lost: it starts the stores first.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
backup=${1:?usage: restore.sh FOLDER/TIME, as backup.sh printed it}
compose=${COMPOSE:-docker compose --env-file $here/.env.prod -f $here/docker-compose.prod.yml}
[[ -s $backup.lcm.gz && -s $backup.keycloak ]] || { echo "$backup is no backup" >&2; exit 1; }
folder=$(cd "$(dirname "$backup")" && pwd) name=$(basename "$backup")

services=$($compose config --services | grep -Ev '^(mongodb|etcd|redis|keycloak-database|world|prometheus|grafana|otel-collector)$')
# shellcheck disable=SC2086
$compose stop $services
$compose up -d --no-build --wait mongodb etcd redis keycloak-database
$compose run --rm -T etcd-setup
$compose run --rm --no-deps -T --user "$(id -u)" --entrypoint python --volume "$folder:/backup:ro" control-plane-api \
  -m control_plane_api.backup restore --replace "/backup/$name.lcm.gz"
$compose exec -T keycloak-database sh -c \
  'PGPASSWORD=$(cat /run/secrets/keycloak_database_password) pg_restore -h 127.0.0.1 -U keycloak --clean --if-exists -d keycloak' \
  < "$backup.keycloak"
$compose up -d --no-build --wait
