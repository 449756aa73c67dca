#!/bin/bash
# Dumps of Redis: `run` makes one every BACKUP_EVERY_SECONDS, `dump` one now, `restore <file|newest>` puts one back,
# `list` shows them. Redis is REDIS_URL, or what the file REDIS_URL_FILE says: one server, not a cluster or sentinels. Who
# dumps and restores may do more than services: the URL in REDIS_ADMIN_URL_FILE, or `default` with the password in
# REDIS_PASSWORD_FILE, where there is one.
part=redis suffix=rdb
source "$(dirname "$0")/common.sh"

url="${REDIS_URL:-$(cat "$REDIS_URL_FILE")}"
if [ -s "${REDIS_ADMIN_URL_FILE:-}" ]; then url=$(cat "$REDIS_ADMIN_URL_FILE"); fi
if [ -s "${REDIS_PASSWORD_FILE:-}" ]; then
  REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
  export REDISCLI_AUTH
  address="${url#*://}"
  url="${url%%://*}://${address##*@}"
fi
# redis-cli takes an empty user for a user of that name.
url="${url/:\/\/:/:\/\/default:}"
access=(-u "$url" --no-auth-warning)
if [[ "$url" = rediss://* && -n "${REDIS_CA_FILE:-}" ]]; then access+=(--cacert "$REDIS_CA_FILE"); fi
# Where Redis fetches a restored state from.
port=6380

redis() { timeout 30 redis-cli "${access[@]}" "$@"; }

# A key of ours tells the Redis that was dumped from one that came back empty: dumping that would slowly push out the
# dumps that are needed now.
same_redis() {
  [ -e "$folder/mark" ] || date -u +%s%N >"$folder/mark"
  local mark
  mark=$(redis get f:backup) || return 1
  if [ -z "$mark" ] && [ -z "$(list)" ]; then mark=$(cat "$folder/mark"); redis set f:backup "$mark" >/dev/null || return 1; fi
  [ "$mark" = "$(cat "$folder/mark")" ]
}

make_dump() {
  if ! same_redis; then
    say "refused: Redis does not answer, or is not the one of the last dump (key f:backup): restore that first; if this" \
      "Redis is the right one, set f:backup to the text in $folder/mark"
    return 1
  fi
  timeout 300 redis-cli "${access[@]}" --rdb "$1" >&2 || return 1
  # redis-cli leaves an empty or cut file where the server went away.
  redis-check-rdb "$1" >/dev/null || { say 'the dump is not whole'; return 1; }
}

field() { redis info "$1" | tr -d '\r' | sed -n "s/^$2://p"; }

# Waits until a field of INFO has a value.
until_field() {
  local end=$((SECONDS + 600))
  until [ "$(field "$1" "$2" || true)" = "$3" ]; do
    if [ "$SECONDS" -ge "$end" ]; then say "Redis does not come to $2=$3"; return 1; fi
    sleep 0.5
  done
}

# A server of our own holds the dump, and Redis becomes its replica for a moment: that replaces all that Redis has, AOF
# included, over the network and without touching its volume.
put_back() {
  local name="$1" secret
  # Not local: the trap reads it when this function has ended.
  former=$(redis config get masterauth | tail -n 1)
  trap 'rm -f "$folder/hold"; redis replicaof no one >&2; redis config set masterauth "$former" >&2; kill "$server"' EXIT
  secret=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-64)
  redis-server - >&2 <<EOF &
port $port
bind * -::*
requirepass $secret
masterauth $secret
dir $folder
dbfilename $name
save ""
appendonly no
repl-diskless-sync yes
repl-diskless-sync-delay 0
EOF
  server=$!
  local end=$((SECONDS + 600))
  until [ "$(REDISCLI_AUTH=$secret timeout 5 redis-cli -p $port ping 2>&1)" = PONG ]; do
    if ! kill -0 "$server" || [ "$SECONDS" -ge "$end" ]; then say "$name cannot be loaded"; return 1; fi
    sleep 0.2
  done
  redis config set masterauth "$secret" >&2
  redis replicaof "$POD_IP" $port >&2
  until_field replication master_link_status up
  redis replicaof no one >&2
  until_field persistence aof_rewrite_in_progress 0
  say "restored $name: $(redis dbsize) keys"
}

main "$@"
