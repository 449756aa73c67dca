# . docs/examples/my-model/to-staging.sh <version> [golden set]: G0 to G3.
v=my-model@$1
as ada models publish "my-models/my-model/$1" --lineage lineage.json --card "my-models/my-model/$1/CARD.md" --why 'a better one'
as ada gates attach $v G0 data-validation data.json --why 'made by hand'
as dan gates judge $v G0 pass --why 'looked at it'
as ada evaluate $v "${2:-golden.jsonl}" --safety 0.9 --cost 0.8 --attach --why 'all items'
as max gates judge $v G1 pass --why 'looked at it'
as ada scan $v --why 'before staging'
as sam gates judge $v G2 pass --why 'looked at it'
as paul models move $v staging --why 'G0 to G2'
as ada gates attach $v G3 validation passed.json --why 'tried by hand'
as olga gates judge $v G3 pass --why 'looked at it'
as quinn gates judge $v G3 pass --why 'looked at it'
