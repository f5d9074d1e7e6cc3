#!/usr/bin/env bash
# Start Keycloak in production mode with its secrets from files, importing the realm at the first start.
set -euo pipefail
KC_DB_PASSWORD=$(cat /run/secrets/keycloak_database_password)
KC_BOOTSTRAP_ADMIN_PASSWORD=$(cat /run/secrets/keycloak_admin_password)
export KC_DB_PASSWORD KC_BOOTSTRAP_ADMIN_PASSWORD
mkdir -p /opt/keycloak/data/import
cp /run/secrets/realm /opt/keycloak/data/import/realm.json
exec /opt/keycloak/bin/kc.sh start --import-realm
