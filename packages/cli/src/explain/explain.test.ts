import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runIp } from '../ip/index.js';
import { networkOf, room } from './addresses.js';

const suffix = randomBytes(3).toString('hex');
const here = `bex-${suffix}-a`;
const there = `bex-${suffix}-b`;

async function explained(command: string): Promise<string> {
  let out = '';
  const stdout = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => ((out += String(text)), true));
  try {
    expect(await runIp(['-n', here, '--explain', ...command.split(' ')])).toBe(0);
  } finally {
    stdout.mockRestore();
  }
  return out;
}

beforeAll(() => {
  for (const name of [here, there]) execFileSync('ip', ['netns', 'add', name]);
  const commands = `
    link set lo up
    link add v0 type veth peer name eth0 netns ${there}
    link set v0 up
    link add br0 type bridge
    link set br0 up
    link set v0 master br0
    link add w0 type veth peer name w1
    link set w1 master br0
    link set w0 up
    addr add 10.1.0.1/24 brd + dev br0
    addr add 10.2.0.1/16 dev br0 valid_lft 90000 preferred_lft 3600
    route add 10.9.0.0/16 via 10.1.0.9 metric 5
    route add blackhole 10.10.0.0/16
  `;
  execFileSync('ip', ['-n', here, '-batch', '-'], {
    input: commands.trim().split('\n').map((line) => line.trim()).join('\n'),
  }); // prettier-ignore
});

afterAll(() => {
  for (const name of [here, there]) spawnSync('ip', ['netns', 'delete', name]);
});

describe('--explain', () => {
  it('keeps the lines of the plain output, in their order', async () => {
    const plain = execFileSync('ip', ['-n', here, 'link', 'show'], { encoding: 'utf8' });
    const lines = (await explained('link show')).split('\n');
    const wanted = plain.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => wanted.includes(line))).toEqual(wanted);
  });

  it('has a line for every field of a link', async () => {
    const text = await explained('link show v0');
    for (const label of ['BROADCAST', 'MULTICAST', 'UP', 'NO-CARRIER', 'mtu 1500', 'qdisc noqueue', 'master br0', 'state DOWN', 'mode DEFAULT', 'group default', 'qlen 1000', 'link/ether', 'brd ff:ff']) {
      expect(text).toMatch(new RegExp(`^ {6,}${label.replace('/', '\\/')}.*  +\\S`, 'm'));
    } // prettier-ignore
  });

  it('names the other end, and whose namespace it is in', async () => {
    expect(await explained('link show v0')).toMatch(
      new RegExp(`@if\\d+ +the other end of the pair is eth0 .* in the namespace ${there}`),
    );
    expect(await explained('link show w0')).toMatch(
      /@w1 +the other end of the pair is w1 .* in this same namespace/,
    );
    expect(await explained('link show w1')).toMatch(/master br0 .*the bridge br0 .*its other ports: v0/);
  });

  it('puts addresses and their lifetimes into words', async () => {
    const text = await explained('addr show br0');
    expect(text).toContain('10.1.0.0/24: 254 stations, 10.1.0.1 to 10.1.0.254');
    expect(text).toMatch(/dynamic +given for a time/);
    expect(text).toMatch(/preferred_lft \d+sec +new connections use it for another (1 h|59 min)/);
    expect(text).toMatch(/valid_lft forever +the address stays/);
  });

  it('puts routes into words', async () => {
    const text = await explained('route show');
    expect(text).toMatch(/via 10\.1\.0\.9 +packets are handed to this router/);
    expect(text).toMatch(/proto kernel +made by the kernel/);
    expect(text).toMatch(/blackhole +packets to there are dropped/);
    expect(text).toMatch(/metric 5 +/);
  });
});

describe('networks', () => {
  it.each([
    ['10.1.2.3', 24, '10.1.2.0'],
    ['172.17.200.1', 20, '172.17.192.0'],
    ['10.1.2.3', 0, '0.0.0.0'],
    ['fd00:1:2:3:4::1', 64, 'fd00:1:2:3::'],
    ['fe80::1', 10, 'fe80::'],
    ['2001:db8:0:1:1:1:1:1', 128, '2001:db8:0:1:1:1:1:1'],
  ])('the network of %s/%i is %s', (address, length, network) => {
    expect(networkOf(address, length)).toBe(network);
  });

  it('has room for a /31, a /32 and a /64', () => {
    expect(room('10.0.0.1', 31)).toContain('RFC 3021');
    expect(room('10.0.0.1', 32)).toContain('this one address');
    expect(room('fd00::1', 64)).toContain('2^64');
  });
});
