# Keys for everybody, made by the first admin. `as <who> …` is `frontier` with somebody's key.
frontier() { node cli/dist/main.js "$@"; }
as() { frontier --key-file "keys/$1" "${@:2}"; }
key() { frontier --key-file .frontier/admin.key --json keys create "$@" --why 'first people' | node -pe 'JSON.parse(require("fs").readFileSync(0)).key' > "keys/$1"; }

mkdir -p -m 700 keys
key ada --role operator
key dan --role approver --owns data-engineer
key max --role approver --owns ml-engineer
key sam --role approver --owns security
key olga --role approver --owns ot-lead
key quinn --role approver --owns qa
key otto --role approver --owns operations
key rita --role approver --owns release-manager
key paul --role approver
