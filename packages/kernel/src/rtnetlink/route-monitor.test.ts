import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NetworkNamespace } from '../namespace/index.js';
import {
  RouteMonitor,
  RouteSocket,
  addressRequests,
  linkRequests,
  routeRequests,
  type RouteChange,
} from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-route-monitor-'));
const path = join(directory, 'box');
const namespace = NetworkNamespace.create(path);
const routes = RouteSocket.open(namespace);
routes.run(
  linkRequests.set({ name: 'lo' }, { up: true }),
  linkRequests.addBridge({ name: 'br0', stp: false, multicastSnooping: false, up: true }),
  linkRequests.set({ name: 'br0' }, { noIPv6Addresses: true }),
);
const index = routes.link('br0')?.index ?? -1;

afterAll(() => {
  routes.close();
  namespace.close();
  NetworkNamespace.remove(path);
  rmSync(directory, { recursive: true });
});

let seen: RouteChange[] = [];
let monitor: RouteMonitor;
beforeEach(() => {
  seen = [];
  monitor = RouteMonitor.open((kind) => seen.push(kind), namespace);
});
afterEach(() => monitor.close());

/** Waits for a kind of change, and forgets all. */
const changed = async (kind: RouteChange): Promise<RouteChange[]> => {
  await vi.waitFor(() => expect(seen).toContain(kind), { timeout: 5000 });
  return seen.splice(0);
};

describe('a route monitor', () => {
  it('tells of links, addresses and routes, of both families', async () => {
    routes.run(linkRequests.addVeth({ name: 'a', peer: { name: 'b' } }));
    expect(await changed('link')).not.toContain('route');
    routes.run(addressRequests.add({ index, address: '10.1.0.1', prefixLength: 16 }));
    await changed('address');
    // With the address came its route.
    await vi.waitFor(() => expect(routes.routes({ family: 'inet' }).length).toBeGreaterThan(0));
    seen.length = 0;
    const six = { index, address: 'fd00:1::1', prefixLength: 64, noDuplicateDetection: true };
    routes.run(addressRequests.add(six));
    await changed('address');
    const route = { destination: '192.0.2.0/24', gateway: '10.1.0.9' };
    routes.run(routeRequests.add(route));
    await changed('route');
    routes.run(routeRequests.delete(route));
    await changed('route');
    routes.run(linkRequests.delete({ name: 'a' }));
    await changed('link');
  });

  it('tells once of many changes of a kind', async () => {
    const many = Array.from({ length: 50 }, (_, number) => ({
      destination: `198.51.100.${number}/32`,
      index,
    }));
    routes.run(...many.map((route) => routeRequests.add(route)));
    expect(await changed('route')).toEqual(['route']);
    routes.run(...many.map((route) => routeRequests.delete(route)));
    expect(await changed('route')).toEqual(['route']);
  });

  it('tells of every kind when the kernel had no room for what happened', async () => {
    // 212992 bytes of receive buffer (net.core.rmem_default) hold some hundred notifications.
    const number = [...Array(4000).keys()];
    const destination = (each: number): string => `203.${each >> 8}.${each & 255}.0/24`;
    routes.run(...number.map((each) => routeRequests.add({ destination: destination(each), index })));
    await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(['link', 'address', 'route'])), 5000);
    routes.run(...number.map((each) => routeRequests.delete({ destination: destination(each), index })));
  });

  it('is silent when it is closed, by its listener too', async () => {
    let calls = 0;
    const once = RouteMonitor.open(() => {
      calls++;
      once.close();
    }, namespace);
    routes.run(addressRequests.add({ index, address: '10.7.0.1', prefixLength: 16 }));
    await changed('route');
    monitor.close();
    monitor.close();
    routes.run(addressRequests.delete({ index, address: '10.7.0.1', prefixLength: 16 }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls).toBe(1);
    expect(seen).toEqual([]);
  });
});
