#!/bin/sh
# sandboxed.sh ROLE [FLAG…] SCRIPT [ARGUMENT…]: the script on Deno, with the permissions that deno.json gives the role,
# and those that follow from the configuration (reach.ts).
set -e
role=$1
shift
allowed=$(deno run --quiet --no-prompt --permission-set="$role" --allow-read services/runtime/reach.ts)
# A flag a line: a path may hold spaces.
IFS='
'
# shellcheck disable=SC2086
exec deno run --quiet --no-prompt --permission-set="$role" $allowed "$@"
