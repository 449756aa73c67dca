# . docs/examples/my-model/to-release.sh <version>: G4 and G5.
v=my-model@$1
as otto gates judge $v G4 pass --why 'looked at it'
as max gates judge $v G4 pass --why 'looked at it'
as paul models move $v approved --why 'G3 and G4'
as ada gates attach $v G5 release-checklist passed.json --why 'all boxes'
as rita gates judge $v G5 pass --why 'looked at it'
