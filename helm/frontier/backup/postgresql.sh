#!/bin/bash
# Dumps of PostgreSQL: `run` makes one every BACKUP_EVERY_SECONDS, `dump` one now, `restore <file|newest>` puts one
# back, `list` shows them. The database is DATABASE_URL, or what the file DATABASE_URL_FILE says.
set -euo pipefail

folder="${BACKUP_FOLDER:-/backup}/postgresql"
url="${DATABASE_URL:-$(cat "$DATABASE_URL_FILE")}"
export PGCONNECT_TIMEOUT=5 PGAPPNAME=frontier-backup

say() { echo "$(date -u +%FT%TZ) $*" >&2; }

# The audit log is chained by hashes and only grows: a database that does not hold the line that was its newest at the
# last dump was lost or replaced. Dumping it would make the newest dump the wrong one.
newest_line() { psql "$url" -XAtqc "select seq || ' ' || hash from frontier.chains where name = 'audit'"; }
holds() { # seq hash
  [ "$1" = 0 ] || [ "$(psql "$url" -XAtqc "select 1 from frontier.chain_lines where chain = 'audit' and seq = $1 and hash = '$2'")" = 1 ]
}

dump() {
  if [ -e "$folder/hold" ]; then say 'held: a restore is under way (remove the file hold if none is)'; return 1; fi
  local line seq=0 hash='' name
  line=$(newest_line) || { say 'not dumped: the database does not answer, or has no tables yet'; return 1; }
  if [ -e "$folder/last" ]; then read -r seq hash <"$folder/last"; fi
  if ! holds "$seq" "$hash"; then
    say "refused: line $seq of the audit log, the newest at the last dump, is not there: restore that dump first;" \
      "if this database is the right one, remove $folder/last"
    return 1
  fi
  name=$(date -u +%Y%m%dT%H%M%SZ).dump
  # Nobody's lock is waited for long: the next dump comes soon.
  timeout 300 pg_dump --dbname="$url" --format=custom --lock-wait-timeout=10s --file="$folder/.part.$$" || return 1
  mv --no-clobber "$folder/.part.$$" "$folder/$name"
  rm -f "$folder/.part.$$"
  echo "$line" >"$folder/last"
}

list() { find "$folder" -maxdepth 1 -name '*.dump' -printf '%f %s bytes\n' | sort; }

restore() {
  local name="$1"
  if [ "$name" = newest ]; then name=$(list | tail -n 1 | cut -d ' ' -f 1); fi
  if [ ! -s "$folder/$name" ]; then say "no dump $name; there are:"; list >&2; return 1; fi
  if [ -e "$folder/$name.sha256" ]; then (cd "$folder" && sha256sum --check --quiet "$name.sha256"); fi
  touch "$folder/hold"
  trap 'rm -f "$folder/hold"' EXIT
  # All or nothing. What is there is replaced; who still writes is waited for, so the services are stopped before.
  timeout 1800 pg_restore --dbname="$url" --clean --if-exists --no-owner --no-privileges --single-transaction \
    --exit-on-error "$folder/$name"
  newest_line >"$folder/last"
  say "restored $name: the audit log has $(cut -d ' ' -f 1 "$folder/last") lines"
}

run() {
  # The first process of a container gets no default handling of signals.
  trap 'exit 0' TERM INT
  rm -f "$folder"/.part.*
  while true; do
    sleep "$BACKUP_EVERY_SECONDS" &
    dump || say 'no dump this time'
    wait
  done
}

mkdir -p "$folder"
case "${1:-}" in
  run | dump | list) "$1" ;;
  restore) restore "${2:?restore <file|newest>}" ;;
  *) echo 'postgresql.sh run|dump|list|restore <file|newest>' >&2; exit 2 ;;
esac
