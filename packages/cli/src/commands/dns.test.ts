import { describe, expect, it } from 'vitest';
import { guide } from './dns.js';

describe('the guide for the host', () => {
  it('names address and port as each resolver wants them', () => {
    const text = guide('127.0.0.54:5354');
    expect(text).toContain('dig @127.0.0.54 -p 5354 web.sea.berth.internal');
    expect(text).toContain('DNS=127.0.0.54:5354\n');
    expect(text).toContain('server=/berth.internal/127.0.0.54#5354\n');
  });

  it('leaves out port 53 where that is the custom', () => {
    expect(guide('127.0.0.54:53')).toContain('DNS=127.0.0.54\n');
    expect(guide('[::1]:53')).toContain('dig @::1 -p 53');
  });
});
