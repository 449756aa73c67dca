// The table on the screen.

const COLUMNS = [
  ['scenario', 22, (row) => row.name],
  ['seed', 6, (row) => row.seed],
  ['kills', 6, (row) => row.kills],
  ['cuts', 7, (row) => row.cuts],
  ['sent', 7, (row) => row.sent],
  ['acked', 7, (row) => row.acknowledged],
  ['executed', 8, (row) => row.executed],
  ['committed', 9, (row) => row.committed],
  ['delivered', 9, (row) => row.delivered],
  ['lost', 5, (row) => row.lost],
  ['double', 6, (row) => row.double],
  ['timeout', 7, (row) => row.timeout],
  ['failed', 6, (row) => row.failed],
  ['refused', 7, (row) => row.refused],
  ['seconds', 7, (row) => row.seconds],
  ['', 0, (row) => `${row.ok ? '✓' : '✗'} ${noteOf(row)}`],
];

function noteOf({ recoveryMs = {}, note }) {
  const worst = Object.entries(recoveryMs).map(([priority, ms]) => `${priority} ${(ms / 1000).toFixed(1)} s`);
  const recovered = worst.length > 0 ? [`answered after a kill within: ${worst.join(', ')}`] : [];
  return [...recovered, ...(note ? [note] : [])].join('; ');
}

const line = (cells) =>
  cells
    .map((cell, i) => (i === 0 ? `${cell}`.padEnd(COLUMNS[i][1]) : `${cell ?? ''}`.padStart(COLUMNS[i][1])))
    .join(' ');

export const tableHead = () => line(COLUMNS.map(([name]) => name));

export function tableLines(row) {
  const problems = row.problems.map((problem) => `    ${problem}`);
  return [line(COLUMNS.map(([, , cell]) => cell(row))), ...problems].join('\n');
}
