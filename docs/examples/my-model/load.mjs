// node docs/examples/my-model/load.mjs <calls a second> <url> [items]: random items from 5 on by 200 users; says each 10 s
// who has answered.
const [rate, url, items = 100] = process.argv.slice(2);
const seen = {};
setInterval(
  async () => {
    const item = 5 + Math.floor((items - 5) * Math.random());
    const user = `u${Math.floor(200 * Math.random())}`;
    const answer = await fetch(`${url}/v1/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user-id': user },
      body: JSON.stringify({ model: 'my-model', inputs: { item: [[item]] } }),
    }).then(
      (response) => response.json(),
      (error) => ({ error: { code: error.message } }),
    );
    const name = answer.data ? `${answer.data.variant} ${answer.data.version}` : answer.error.code;
    seen[name] = (seen[name] ?? 0) + 1;
  },
  1_000 / Number(rate),
);
setInterval(
  () => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${JSON.stringify(seen)}\n`),
  10_000,
);
