import { pageOf } from './paging.ts';

const items = ['a', 'b', 'c', 'd', 'e'];
const page = (query: object, list = items) => pageOf(list, (item) => item, query);

describe('pageOf', () => {
  it('walks forth and back', () => {
    const first = page({ limit: '2' });
    expect(first).toEqual({ items: ['a', 'b'], next: expect.any(String) });
    const second = page({ limit: '2', cursor: first.next });
    expect(second.items).toEqual(['c', 'd']);
    const third = page({ limit: '2', cursor: second.next });
    expect(third).toEqual({ items: ['e'], previous: expect.any(String) });
    expect(page({ limit: '2', cursor: third.previous }).items).toEqual(['c', 'd']);
    expect(page({ limit: '2', cursor: second.previous }).items).toEqual(['a', 'b']);
  });

  it('stays right while items come and go', () => {
    const { next } = page({ limit: '2' });
    expect(page({ limit: '2', cursor: next }, ['a', 'bb', 'c', 'd']).items).toEqual(['bb', 'c']);
    expect(page({ limit: '2', cursor: next }, ['a']).items).toEqual([]);
  });

  it.each([{ limit: '0' }, { limit: '501' }, { limit: 'x' }, { cursor: 'x' }, { page: '2' }])(
    'refuses %j',
    (query) => {
      expect(() => page(query)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    },
  );
});
