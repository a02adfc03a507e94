import { describe, expect, it } from 'vitest';
import { addressRequests, linkRequests, routeRequests } from './index.js';
import { parseAddress } from './addresses.js';

/** Bytes that iproute2 6.1 exchanged with Linux 6.18 (`strace -e write=all -e read=all`), without the netlink header. */
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

/** Attributes of a message in any order. */
const attributes = (payload: Buffer, header: number): string[] => {
  const found: string[] = [];
  for (let at = header; at < payload.length; at += (payload.readUInt16LE(at) + 3) & ~3)
    found.push(payload.toString('hex', at, at + payload.readUInt16LE(at)));
  return found.sort();
};

describe('what is sent is what iproute2 sends', () => {
  it('ip addr add 10.0.0.2/24 brd 10.0.0.255', () => {
    const captured = bytes('02180000 02000000 08000200 0a000002 08000400 0a0000ff 08000100 0a000002');
    const { type, payload } = addressRequests.add({
      index: 2,
      address: '10.0.0.2',
      prefixLength: 24,
      broadcast: '10.0.0.255',
    });
    expect(type).toBe(0x14);
    expect(payload.subarray(0, 8)).toEqual(captured.subarray(0, 8));
    expect(attributes(payload, 8)).toEqual(attributes(captured, 8));
  });

  it('ip route add 10.9.0.0/16 via 10.0.0.1', () => {
    const captured = bytes(
      '02100000 fe030001 00000000 08000100 0a090000 08000500 0a000001 08000400 02000000',
    );
    const { type, payload } = routeRequests.add({
      destination: '10.9.0.0/16',
      gateway: '10.0.0.1',
      index: 2,
    });
    expect(type).toBe(0x18);
    expect(payload.subarray(0, 12)).toEqual(captured.subarray(0, 12));
    expect(attributes(payload, 12)).toEqual(attributes(captured, 12));
  });

  it('ip link add v0 type veth peer name eth0 netns …, but for the flag of nested attributes', () => {
    const captured = bytes(`00000000 00000000 00000000 00000000 07000300 76300000
      38001280 08000100 76657468 2c000280 28000180 00000000 00000000 00000000 00000000`);
    const { type, payload } = linkRequests.addVeth({
      name: 'v0',
      peer: { name: 'eth0', namespace: { fd: 4 } },
    });
    expect(type).toBe(0x10);
    // iproute2 leaves out the kind's terminating zero, which makes ours four bytes longer from there on.
    expect(payload.subarray(0, 24)).toEqual(captured.subarray(0, 24));
    const peer = payload.subarray(payload.length - 20);
    expect(attributes(peer, 0)).toEqual(attributes(bytes('08001c00 04000000 09000300 65746830 00000000'), 0));
  });
});

describe('what the kernel tells is understood', () => {
  it('RTM_NEWADDR', () => {
    const captured = bytes(`02188000 02000000 08000100 0a000002 08000200 0a000002 08000400 0a0000ff
      07000300 76300000 08000800 80000000 14000600 ffffffff ffffffff 9ae30900 9ae30900`);
    expect(parseAddress(captured)).toEqual({
      family: 'inet',
      index: 2,
      address: '10.0.0.2',
      local: '10.0.0.2',
      prefixLength: 24,
      broadcast: '10.0.0.255',
      label: 'v0',
      scope: 0,
      flags: 0x80,
      validLifetime: 0xffffffff,
      preferredLifetime: 0xffffffff,
    });
  });
});
