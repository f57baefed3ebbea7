#!/bin/sh
# Run by the postgres image at its first start.
set -eu
psql -v ON_ERROR_STOP=1 -v owner_password="$OWNER_PASSWORD" -v app_password="$APP_PASSWORD" \
  -U "$POSTGRES_USER" -d postgres -f /quarterdeck/roles.sql
