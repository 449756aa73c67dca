// A helper process of the benchmark: takes one job at a time by message and answers with its result.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export class Child {
  #process;
  #failed;

  /** `program`: the URL of its file. */
  constructor(program) {
    const file = fileURLToPath(program);
    this.#process = fork(file, { serialization: 'advanced' });
    this.#failed = new Promise((_, reject) => {
      this.#process.on('exit', (code, signal) => reject(new Error(`${file} ended (${signal ?? code})`)));
    });
    this.#failed.catch(() => {});
  }

  get pid() {
    return this.#process.pid;
  }

  /** The next message of this type; other messages go to `onOther`. */
  next(type, onOther = () => {}) {
    const message = new Promise((resolve, reject) => {
      const listen = (received) => {
        if (received.type !== type && received.type !== 'failed') return onOther(received.type);
        this.#process.off('message', listen);
        if (received.type === type) resolve(received);
        else reject(new Error(received.message));
      };
      this.#process.on('message', listen);
    });
    return Promise.race([message, this.#failed]);
  }

  async run(job, onOther) {
    const answer = this.next('result', onOther);
    this.#process.send(job);
    return (await answer).result;
  }

  send(message) {
    this.#process.send(message);
  }

  stop() {
    this.#process.removeAllListeners('exit');
    if (this.#process.connected) this.#process.disconnect();
  }
}
