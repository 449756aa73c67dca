/** Takes pieces of a stream of server-sent events, calls back with `{event, data (parsed), id}` for each whole one. */
export function createParser(onEvent) {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])); // prettier-ignore
      if (fields.event) onEvent({ event: fields.event, data: JSON.parse(fields.data), id: fields.id });
    }
  };
}
