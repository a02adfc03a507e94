import { silentLogger } from '@berth/core';
import { decode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { TestNamespace } from './namespaces.fixture.js';
import { ANCESTORS, mutants } from './mutate.fixture.js';
import { NameService } from './name-service.js';
import { askMutants, frontEndpoint, respondToMutants } from './soak.fixture.js';

/** `npm run soak` takes other seeds, and more. */
const SEED = 20_260_101;

describe('mutated queries', () => {
  it('are many kinds of faults, the same for the same seed', () => {
    const some = [...mutants(2000, SEED)];
    expect(some).toEqual([...mutants(2000, SEED)]);
    expect(new Set(some.map((message) => message.toString('hex'))).size).toBeGreaterThan(1800);
    expect(some.filter((message) => ANCESTORS.some((valid) => valid.equals(message))).length).toBeLessThan(
      50,
    );
    expect(some.some((message) => message.length < 12)).toBe(true);
    expect(some.some((message) => message.length > 3000)).toBe(true);
    for (const message of ANCESTORS) expect(decode(message).type).toBe('query');
  });

  it('cost an answer that is well-formed, or silence: 20,000 of them', () => {
    expect(respondToMutants(20_000, SEED, decode)).toMatchObject({
      firstFailure: undefined,
      failed: 0,
      passed: 20_000,
    });
  });

  it('leave a live server as it was: 2,000 of them over UDP and TCP', async () => {
    const sandbox = new TestNamespace();
    const { path, namespace } = sandbox;
    const service = new NameService({ logger: silentLogger, hostResolvers: () => [] });
    try {
      for (let index = 1; index <= 200; index++) service.setEndpoint(frontEndpoint(index));
      await service.open('s1', path, namespace, { forwarding: true });
      const result = await askMutants(namespace, 2000, SEED, decode);
      expect(result).toMatchObject({ firstFailure: undefined, failed: 0, passed: 2000 });
      expect(service.counters('s1')).toMatchObject({ forwarded: 0, forged: 0 });
    } finally {
      await service.shutdown();
      sandbox.close();
    }
  });
});
