import { describe, expect, it } from 'vitest';
import { exchangeLines } from './network-files.js';

const before = '127.0.0.1\tlocalhost\n172.17.0.2\tbox\n';
const after = '127.0.0.1\tlocalhost\n172.17.0.2\tbox\n172.18.0.2\tbox\n';

describe('the hosts file of a running container', () => {
  it('is what it shall be where nobody has changed it', () => {
    expect(exchangeLines(before, before, after)).toBe(after);
    expect(exchangeLines(after, after, before)).toBe(before);
  });

  it('keeps the lines that its users have written', () => {
    const edited = `# mine\n${before}10.0.0.1\tdb`;
    const joined = exchangeLines(edited, before, after);
    expect(joined).toBe(`# mine\n${before}10.0.0.1\tdb\n172.18.0.2\tbox\n`);
    expect(exchangeLines(joined, after, before)).toBe(`# mine\n${before}10.0.0.1\tdb\n`);
  });

  it('does not bring back lines that its users have removed', () => {
    expect(exchangeLines('127.0.0.1\tlocalhost\n', before, after)).toBe(
      '127.0.0.1\tlocalhost\n172.18.0.2\tbox\n',
    );
  });
});
