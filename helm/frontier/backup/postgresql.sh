#!/bin/bash
# Dumps of PostgreSQL: `run` makes one every BACKUP_EVERY_SECONDS, `dump` one now, `restore <file|newest>` puts one
# back, `list` shows them. The database is DATABASE_URL, or what the file DATABASE_URL_FILE says.
part=postgresql suffix=dump
source "$(dirname "$0")/common.sh"

url="${DATABASE_URL:-$(cat "$DATABASE_URL_FILE")}"
# A word to the driver of the services, which libpq does not know.
url="${url/uselibpqcompat=true&/}"
export PGCONNECT_TIMEOUT=5 PGAPPNAME=frontier-backup

# The audit log is chained by hashes and only grows: a database that does not hold the line that was its newest at the
# last dump was lost or replaced. Dumping it would make the newest dump the wrong one.
newest_line() { psql "$url" -XAtqc "select seq || ' ' || hash from frontier.chains where name = 'audit'"; }
holds() { # seq hash
  [ "$1" = 0 ] || [ "$(psql "$url" -XAtqc "select 1 from frontier.chain_lines where chain = 'audit' and seq = $1 and hash = '$2'")" = 1 ]
}

make_dump() {
  local line seq=0 hash=''
  line=$(newest_line) || { say 'not dumped: the database does not answer, or has no tables yet'; return 1; }
  if [ -e "$folder/last" ]; then read -r seq hash <"$folder/last"; fi
  if ! holds "$seq" "$hash"; then
    say "refused: line $seq of the audit log, the newest at the last dump, is not there: restore that dump first;" \
      "if this database is the right one, remove $folder/last"
    return 1
  fi
  # Nobody's lock is waited for long: the next dump comes soon.
  timeout 300 pg_dump --dbname="$url" --format=custom --lock-wait-timeout=10s --file="$1" || return 1
  echo "$line" >"$folder/last"
}

put_back() {
  # All or nothing. What is there is replaced; who still writes is waited for, so the services are stopped before.
  timeout 1800 pg_restore --dbname="$url" --clean --if-exists --no-owner --no-privileges --single-transaction \
    --exit-on-error "$folder/$1"
  newest_line >"$folder/last"
  say "restored $1: the audit log has $(cut -d ' ' -f 1 "$folder/last") lines"
}

main "$@"
