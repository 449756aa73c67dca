import { AppError } from '@frontier/contracts/errors';
import fc from 'fast-check';
import { readKpis, readRisks } from './gates-csv.ts';

const HEAD = 'gate,task,kpi,comparison,threshold,meaning\n';
const RISKS = 'id,model,severity,status,owner,risk,mitigation\n';

function refusal(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return (error as AppError).details?.['faults'] as string[];
  }
  throw new Error('it was taken');
}

test('reads KPIs and risks', () => {
  const text = `\uFEFF${HEAD}G1,*,p99_latency_ms,<=,500,"the ""p99"", in ms"\r\nG1,ocr,cer,<=,0.05,edits\n`;
  expect(readKpis(text)).toEqual([
    {
      gate: 'G1',
      task: '*',
      kpi: 'p99_latency_ms',
      comparison: '<=',
      threshold: 500,
      meaning: 'the "p99", in ms',
    },
    { gate: 'G1', task: 'ocr', kpi: 'cer', comparison: '<=', threshold: 0.05, meaning: 'edits' },
  ]);
  expect(readKpis(HEAD)).toEqual([]);
  expect(readRisks(`${RISKS}R-1,ocr,high,open,security,it leaks,`)).toMatchObject([
    { id: 'R-1', mitigation: '' },
  ]);
});

test.each([
  ['', 1, 'the first line must be'],
  ['gate,kpi\n', 1, 'the first line must be'],
  [`${HEAD}G1,*,cer,<=,0.05\n`, 2, '5 fields where 6 are expected'],
  [`${HEAD}\n`, 2, '1 fields where 6'],
  [`${HEAD}G9,*,cer,<=,0.05,x\n`, 2, 'gate'],
  [`${HEAD}G1,*,cer,==,0.05,x\n`, 2, 'comparison'],
  [`${HEAD}G1,*,cer,<=,,x\n`, 2, 'threshold: must be a decimal number'],
  [`${HEAD}G1,*,cer,<=,Infinity,x\n`, 2, 'threshold'],
  [`${HEAD}G1,*,cer,<=,0x10,x\n`, 2, 'threshold'],
  [`${HEAD}G1,*,cer,<=,1,x\nG1,*,cer,<=,2,x\n`, 3, 'on line 2 already'],
  [`${HEAD}G1,*,cer,<=,1,"two\nlines"\nG1,*,x,<=,1\n`, 4, '5 fields'],
  [`${HEAD}G1,*,cer,<=,1,"open\n`, 2, 'not closed'],
  [`${HEAD}G1,*,cer,<=,1,"a"b\n`, 2, 'behind a closing quote'],
  [`${HEAD}G1,*,c"er,<=,1,a\n`, 2, 'does not begin with one'],
  [`${HEAD}G1,*,cer,<=,1,a\rG1,*,wer,<=,1,a\n`, 2, 'lone carriage return'],
])('%j is refused with its line', (text, line, what) => {
  const [fault] = refusal(() => readKpis(text));
  expect(fault).toMatch(new RegExp(`^kpi_acceptance\\.csv:${line}: `));
  expect(fault).toContain(what);
});

test('all faults are told at once', () => {
  expect(
    refusal(() => readRisks(`${RISKS}R-1,ocr,huge,open,security,x,\nrisk,ocr,high,open,nobody,x,\n`)),
  ).toEqual([
    expect.stringMatching(/^risk_register\.csv:2: severity/),
    expect.stringMatching(/^risk_register\.csv:3: id/),
    expect.stringMatching(/^risk_register\.csv:3: owner/),
  ]);
});

test('any text that is written by the rules is read back', () => {
  const meaning = fc.string({
    minLength: 1,
    maxLength: 50,
    unit: fc.constantFrom('a', ',', '"', '\n', 'é', ' '),
  });
  fc.assert(
    fc.property(fc.array(meaning, { maxLength: 20 }), (meanings) => {
      const lines = meanings.map((text, i) => `G1,*,k${i},<=,${i},"${text.replaceAll('"', '""')}"\n`);
      expect(readKpis(HEAD + lines.join('')).map((kpi) => kpi.meaning)).toEqual(meanings);
    }),
  );
});
