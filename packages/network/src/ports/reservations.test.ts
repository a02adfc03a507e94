import { once } from 'node:events';
import { createServer } from 'node:net';
import { bindSocket, closeDescriptor } from '@berth/kernel';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Box } from '../box.fixture.js';
import type { PortSpec, PublishedPort, SandboxId } from '../model.js';
import type { Binding } from './bindings.js';
import { PortReservations } from './reservations.js';

let box: Box;
let ports: PortReservations;
beforeAll(() => void (box = new Box()));
afterAll(() => box.close());
beforeEach(() => void (ports = new PortReservations()));
afterEach(() => ports.releaseAll());

const sandbox = (name: string) => name.repeat(64) as SandboxId;
const [one, two] = [sandbox('1'), sandbox('2')];
const at = (address: string, hostPort: number, rest: Partial<PortSpec> = {}): Binding => ({
  spec: { protocol: 'tcp', containerPort: 80, hostPort, ...rest },
  addresses: [address],
});
const range = (address: string, hostPort: number, count: number, rest: Partial<PortSpec> = {}) =>
  at(address, hostPort, { containerPort: hostPort, count, ...rest });

/** Whether a program can bind a port. */
function isFree(address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): boolean {
  try {
    closeDescriptor(bindSocket({ protocol, address, port }).fd);
    return true;
  } catch {
    return false;
  }
}

describe('a long run of ports', () => {
  it('is held at one address alone, in one protocol, and as long as it is wanted', () => {
    ports.reserve(one, [range('127.0.0.1', 9000, 100)]);
    expect([isFree('127.0.0.1', 9050), isFree('0.0.0.0', 9050)]).toEqual([false, false]);
    expect([isFree('198.51.100.1', 9050), isFree('127.0.0.1', 9050, 'udp')]).toEqual([true, true]);
    expect([isFree('127.0.0.1', 8999), isFree('127.0.0.1', 9100)]).toEqual([true, true]);
    ports.release(one);
    expect([isFree('127.0.0.1', 9000), isFree('0.0.0.0', 9099)]).toEqual([true, true]);
  });

  it('is held in each family by itself', () => {
    ports.reserve(one, [range('0.0.0.0', 9000, 100), range('::', 9000, 100)]);
    expect([isFree('127.0.0.1', 9050), isFree('::1', 9050)]).toEqual([false, false]);
    ports.reserve(one, [range('0.0.0.0', 9000, 100)]);
    expect([isFree('127.0.0.1', 9050), isFree('::1', 9050)]).toEqual([false, true]);
  });

  it('is not in the way of what the other family has', () => {
    ports.reserve(one, [at('::', 9005), at('::1', 9105)]);
    ports.reserve(two, [range('0.0.0.0', 9000, 100), range('0.0.0.0', 9100, 100)]);
    expect([isFree('127.0.0.1', 9005), isFree('::1', 9005)]).toEqual([false, false]);
  });

  it('and short ones can be held beside each other by two, and one is refused that overlaps', () => {
    ports.reserve(one, [range('0.0.0.0', 9000, 100)]);
    ports.reserve(two, [range('0.0.0.0', 9100, 100), range('0.0.0.0', 8990, 10)]);
    const clash = () => ports.reserve(two, [range('127.0.0.1', 9099, 100)]);
    expect(clash).toThrow('Bind for 127.0.0.1:9099 failed: port is already allocated (tcp, by container 1');
    expect([8990, 9000, 9100, 9199].map((port) => isFree('0.0.0.0', port))).not.toContain(true);
    ports.release(one);
    expect([8990, 9000, 9100].map((port) => isFree('0.0.0.0', port))).toEqual([false, true, false]);
  });

  it('at an address that this host has not is refused', () => {
    for (const address of ['203.0.113.9', '2001:db8:9::9'])
      expect(() => ports.reserve(one, [range(address, 9000, 100)])).toThrow(
        `this host has no address ${address}`,
      );
    expect(isFree('0.0.0.0', 9000)).toBe(true);
  });

  it('can be held again by the next one who asks, with the numbers of the first', () => {
    const published = ports.reserve(one, [range('0.0.0.0', 9000, 100), at('0.0.0.0', 0, { count: 1 })]);
    ports.releaseAll();
    ports = new PortReservations();
    ports.restore(one, published);
    expect(published.map(({ hostPort }) => isFree('0.0.0.0', hostPort))).toEqual([false, false]);
  });
});

it('finds a long run taken by a program that listens in both families', async () => {
  const server = createServer().listen(9050, '::');
  await once(server, 'listening');
  for (const address of ['0.0.0.0', '127.0.0.1', '::', '::1'])
    expect(() => ports.reserve(one, [range(address, 9000, 100)])).toThrow(`by node, process ${process.pid}`);
  server.close();
});

it('has a port at its own address only where there is no host address', () => {
  const { spec } = at('', 8081);
  const published = ports.reserve(one, [{ spec, addresses: [] }]);
  expect(published).toEqual([{ protocol: 'tcp', containerPort: 80, hostAddress: '', hostPort: 0, count: 1 }]);
  expect(ports.reserve(two, [{ spec, addresses: [] }])).toEqual(published);
  expect(isFree('0.0.0.0', 8081)).toBe(true);
});

/** Who holds a port, as naively as can be. */
class Model {
  readonly held = new Map<SandboxId, readonly PublishedPort[]>();

  clashes(a: PublishedPort, b: PublishedPort): boolean {
    const family = ({ hostAddress }: PublishedPort) => hostAddress.includes(':');
    const any = ['0.0.0.0', '::'];
    const meet =
      a.hostAddress === b.hostAddress || any.includes(a.hostAddress) || any.includes(b.hostAddress);
    if (a.protocol !== b.protocol || family(a) !== family(b) || !meet) return false;
    const numbers = (port: PublishedPort) => Array.from({ length: port.count }, (_, i) => port.hostPort + i);
    return numbers(a).some((number) => numbers(b).includes(number));
  }

  /** Whether the sandbox can have those ports. */
  allows(owner: SandboxId, wanted: readonly PublishedPort[]): boolean {
    const others = [...this.held].flatMap(([other, list]) => (other === owner ? [] : list));
    return wanted.every((port, index) => {
      const same = JSON.stringify(port);
      const own = wanted.slice(0, index).filter((earlier) => JSON.stringify(earlier) !== same);
      return ![...others, ...own].some((other) => this.clashes(port, other));
    });
  }
}

it('agrees with a list of who holds what, whatever is asked for', () => {
  const addresses = ['0.0.0.0', '127.0.0.1', '198.51.100.1', '::', '::1'];
  const run = fc.record({
    protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
    hostAddress: fc.constantFrom(...addresses),
    hostPort: fc.integer({ min: 9000, max: 9006 }),
    count: fc.integer({ min: 1, max: 4 }),
    containerPort: fc.constantFrom(80, 81),
  });
  const step = fc.record({
    owner: fc.constantFrom(one, two),
    wanted: fc.option(fc.array(run, { maxLength: 3 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      ports.releaseAll();
      const model = new Model();
      for (const { owner, wanted } of steps) {
        if (wanted === null) {
          ports.release(owner);
          model.held.delete(owner);
          continue;
        }
        const reserve = () =>
          ports.reserve(
            owner,
            wanted.map((spec) => ({ spec, addresses: [spec.hostAddress] })),
          );
        if (model.allows(owner, wanted)) {
          const unique = new Map(wanted.map((port) => [JSON.stringify(port), port]));
          expect(reserve()).toEqual([...unique.values()]);
          model.held.set(owner, wanted);
        } else expect(reserve).toThrow('port is already allocated');
        const held = [...model.held.values()].flat();
        for (const hostAddress of addresses) {
          for (let hostPort = 9000; hostPort < 9010; hostPort += 3) {
            const port = { protocol: 'tcp' as const, containerPort: 0, hostAddress, hostPort, count: 1 };
            expect(isFree(hostAddress, hostPort)).toBe(!held.some((other) => model.clashes(port, other)));
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});
