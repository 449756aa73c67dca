# What dumps of both databases share. Sourced with `part` (its folder) and `suffix` (of its dumps) set, by a script that
# defines `make_dump <file>` and `put_back <file>` and ends with `main "$@"`.
set -euo pipefail

folder="${BACKUP_FOLDER:-/backup}/$part"

say() { echo "$(date -u +%FT%TZ) $*" >&2; }

list() { find "$folder" -maxdepth 1 -name "*.$suffix" -printf '%f %s bytes\n' | sort; }

dump() {
  if [ -e "$folder/hold" ]; then say 'held: a restore is under way (remove the file hold if none is)'; return 1; fi
  local name unnamed="$folder/.part.$$"
  # The time of which it is: when it was begun.
  name=$(date -u +%Y%m%dT%H%M%SZ).$suffix
  rm -f "$unnamed"
  make_dump "$unnamed" || return 1
  mv --no-clobber "$unnamed" "$folder/$name"
  rm -f "$unnamed"
}

restore() {
  local name="$1"
  if [ "$name" = newest ]; then name=$(list | tail -n 1 | cut -d ' ' -f 1); fi
  if [ ! -s "$folder/$name" ]; then say "no dump $name; there are:"; list >&2; return 1; fi
  if [ -e "$folder/$name.sha256" ]; then (cd "$folder" && sha256sum --check --quiet "$name.sha256"); fi
  touch "$folder/hold"
  trap 'rm -f "$folder/hold"' EXIT
  put_back "$name"
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

main() {
  mkdir -p "$folder"
  case "${1:-}" in
    run | dump | list) "$1" ;;
    restore) restore "${2:?restore <file|newest>}" ;;
    *) echo "$0 run|dump|list|restore <file|newest>" >&2; exit 2 ;;
  esac
}
