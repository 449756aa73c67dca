import { invalid } from './invalid.ts';

const USER = /^[\x21-\x7e]{1,128}$/;

/** Throws INVALID_INPUT unless it is 1 to 128 visible ASCII characters. */
export function checkUser(user: string): void {
  if (!USER.test(user)) {
    throw invalid('x-user-id: 1 to 128 visible ASCII characters', { field: 'x-user-id' });
  }
}
