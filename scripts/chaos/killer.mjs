// Random faults at random moments, by the seed.
import { random } from '../bench/random.mjs';
import { sleep } from '../lib/run.mjs';

/**
 * Kills `count` times one member of one of the `groups`, about `meanMs` apart, while another of its group is ready: one
 * process at a time is what the platform promises to survive. A group of one has nobody else. Writes the instants to
 * `killedAt`.
 */
export async function killRandomly({ groups, count, meanMs, seed, killedAt }) {
  const next = random(seed ^ 0x5eed);
  for (let i = 0; i < count;) {
    await sleep(meanMs * (0.5 + next()));
    const victims = groups.flatMap((members) => {
      const ready = members.filter((member) => member.ready);
      return ready.length > 1 || members.length === 1 ? ready : [];
    });
    if (victims.length === 0) continue;
    killedAt.push(performance.now());
    await victims[Math.floor(next() * victims.length)].kill();
    i += 1;
  }
}
