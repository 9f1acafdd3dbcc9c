#!/bin/sh
# Puts the passwords of the environment into the definitions (a user for each role, with its rights and no others), and
# starts RabbitMQ. FOLDER and what follows it are for tests.
set -eu
folder=${FOLDER:-/etc/mailroster}
filled=${FILLED:-/var/lib/rabbitmq/mailroster-definitions.json}
definitions=$(cat "$folder/definitions.json")
for role in GATEWAY USERS REGISTRY OPERATOR; do
  name=${role}_PASSWORD
  eval "password=\${$name}"
  # It stands in a URL, in JSON and in this script as it is.
  case $password in
    '' | *[!A-Za-z0-9_-]*) echo "$name must be letters, digits, hyphens and underscores" >&2; exit 78 ;;
  esac
  definitions=$(printf '%s\n' "$definitions" | sed "s/\\\$$name/$password/")
done
(umask 077 && printf '%s\n' "$definitions" > "$filled")
[ "$(id -u)" != 0 ] || chown rabbitmq "$filled"
exec "${@:-docker-entrypoint.sh}" rabbitmq-server
