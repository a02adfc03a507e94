import { describe, expect, it } from 'vitest';
import { holds, mergePorts, withoutPorts } from './runs.js';

const tcp = (port: number, count?: number) => ({
  port,
  protocol: 'tcp' as const,
  ...(count !== undefined && { count }),
});

describe('runs of ports', () => {
  it('are merged, each port once, neighbours together', () => {
    expect(mergePorts([tcp(80), tcp(8000, 3)], [tcp(81), tcp(8001), tcp(8003, 2), tcp(80)])).toEqual([
      tcp(80, 2),
      tcp(8000, 5),
    ]);
  });

  it('are told apart by protocol', () => {
    expect(mergePorts([tcp(53)], [{ port: 53, protocol: 'udp' }])).toEqual([
      tcp(53),
      { port: 53, protocol: 'udp' },
    ]);
  });

  it('lose what is taken from them', () => {
    expect(withoutPorts([tcp(80, 10)], [tcp(80), tcp(85, 2), tcp(200)])).toEqual([tcp(81, 4), tcp(87, 3)]);
    expect(withoutPorts([tcp(80)], [tcp(1, 65_535)])).toEqual([]);
  });

  it('hold the ports between their ends', () => {
    expect(holds(tcp(80, 3), tcp(82))).toBe(true);
    expect(holds(tcp(80, 3), tcp(83))).toBe(false);
    expect(holds(tcp(80, 3), { port: 82, protocol: 'udp' })).toBe(false);
  });
});
