const DATA_URL = /^data:[\w.+-]+\/[\w.+-]+(?:;[\w.=+-]+)*;base64,/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes of base64 text or a base64 data URL; undefined where it is neither. Node alone would skip what it cannot read. */
export function decodeBase64(text: string): Buffer | undefined {
  const prefix = text.startsWith('data:') ? DATA_URL.exec(text)?.[0] : '';
  if (prefix === undefined) return undefined;
  const encoded = text.slice(prefix.length);
  if (encoded.length === 0 || encoded.length % 4 !== 0 || !BASE64.test(encoded)) return undefined;
  return Buffer.from(encoded, 'base64');
}
