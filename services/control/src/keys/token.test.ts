import fc from 'fast-check';
import { hashOf, newToken, parseToken } from './token.ts';

test('a key has its environment, its id and 256 random bits', () => {
  const token = newToken('prod');
  expect(token.text).toMatch(/^frn_prod_[0-9a-f]{16}_[0-9a-f]{72}$/);
  expect(parseToken(token.text)).toEqual(token);
  expect(newToken('prod').text).not.toBe(token.text);
});

test('one wrong character anywhere is found', () => {
  const { text } = newToken('dev');
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdef'), (at, digit) => {
      const changed = text.slice(0, at) + digit + text.slice(at + 1);
      expect(parseToken(changed)?.text).toBe(changed === text ? text : undefined);
    }),
  );
});

test('its hash depends on the pepper and does not tell the secret', () => {
  const token = newToken('dev');
  expect(hashOf(token, 'a')).toMatch(/^[0-9a-f]{64}$/);
  expect(hashOf(token, 'a')).toBe(hashOf(token, 'a'));
  expect(hashOf(token, 'b')).not.toBe(hashOf(token, 'a'));
});
