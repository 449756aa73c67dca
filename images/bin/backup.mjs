#!/nodejs/bin/node
// The backup program of the control service.
await import('../../services/control/dist/backup/main.js');
