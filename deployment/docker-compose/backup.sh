#!/usr/bin/env bash
# Back up the running production stack: backup.sh [FOLDER] writes FOLDER/<time>.lcm.gz (the platform) and
# FOLDER/<time>.keycloak (people and their passwords). The secrets are not in them: keep the folder `secrets` elsewhere.
# COMPOSE names the compose command with its files, when it is not that of `make prod-up`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/backups}
compose=${COMPOSE:-docker compose --env-file $here/.env.prod -f $here/docker-compose.prod.yml}
name=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p -m 0700 "$folder"
folder=$(cd "$folder" && pwd)

$compose run --rm --no-deps -T --user "$(id -u)" --entrypoint python --volume "$folder:/backup" control-plane-api \
  -m control_plane_api.backup dump "/backup/$name.lcm.gz"
(umask 077 && $compose exec -T keycloak-database sh -c \
  'PGPASSWORD=$(cat /run/secrets/keycloak_database_password) pg_dump -h 127.0.0.1 -U keycloak -Fc keycloak' \
  > "$folder/$name.keycloak")
echo "$folder/$name"
