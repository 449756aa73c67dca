// Preloaded into a service: its wall clock is wrong by what the file CHAOS_CLOCK says, read anew at each SIGUSR2.
const { readFileSync } = require('node:fs');

const RealDate = Date;
const now = RealDate.now;
let offset = 0;

process.on('SIGUSR2', () => {
  offset = Number(readFileSync(process.env.CHAOS_CLOCK, 'utf8'));
});

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now() + offset);
    else super(...args);
  }

  static now() {
    return now() + offset;
  }
};
