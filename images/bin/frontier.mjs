#!/nodejs/bin/node
// The command line, in the container of the control service: its address and its admin key are the defaults.
const { env } = process;
env.FRONTIER_KEY_FILE ||= env.CONTROL_ADMIN_KEY_FILE || env.CONTROL_BOOTSTRAP_KEY_FILE || '';
env.FRONTIER_URL ||= `http://127.0.0.1:${env.CONTROL_PORT || '8081'}`;
await import('../../cli/dist/main.js');
