import type { TokenChunk } from '@frontier/contracts/request';
import { newestOf } from './token-log.ts';

const chunk = (epoch: number, offset: number, ...tokens: number[]): TokenChunk => ({
  id: 'x',
  epoch,
  offset,
  tokens,
  text: tokens.join(' '),
});
const textOf = (chunks: TokenChunk[]) => newestOf(chunks).map((c) => c.text);

describe('newestOf', () => {
  it('tells one run in order', () => {
    expect(textOf([chunk(0, 0, 1, 2), chunk(0, 2, 3)])).toEqual(['1 2', '3']);
  });

  it('drops what is told twice and what leaves a gap', () => {
    expect(textOf([chunk(0, 0, 1), chunk(0, 0, 1), chunk(0, 5, 9), chunk(0, 1, 2)])).toEqual(['1', '2']);
  });

  it('goes on with the later epoch and ignores a late writer of the earlier one', () => {
    expect(textOf([chunk(0, 0, 1), chunk(1, 1, 2), chunk(0, 2, 8), chunk(1, 2, 3)])).toEqual(['1', '2', '3']);
  });

  it('takes back what a later epoch makes anew', () => {
    expect(textOf([chunk(0, 0, 1), chunk(0, 1, 8), chunk(1, 1, 2), chunk(1, 2, 3)])).toEqual(['1', '2', '3']);
  });
});
