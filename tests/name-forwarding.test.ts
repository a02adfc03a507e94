import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HostInABox, OUTSIDE_ADDRESS, startNameServer, type NameServer } from './box/index.js';
import { useBox } from './box/fixture.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const dig = (container: string, ...args: string[]) =>
  berth('nsexec', container, '--', 'dig', '@127.0.0.11', '+time=3', '+tries=1', ...args);
const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);

/** Replaces what the host's resolv.conf says, as a VPN or DHCP client does. */
function hostResolvers(box: HostInABox, ...lines: string[]): void {
  writeFileSync(join(box.folder, 'resolv.conf'), `${lines.join('\n')}\n`);
}

const servers: NameServer[] = [];
async function nameServer(...args: Parameters<typeof startNameServer>): Promise<NameServer> {
  const server = await startNameServer(...args);
  servers.push(server);
  return server;
}

beforeAll(() => berth('network', 'create', 'sea'));
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  hostResolvers(fixture.box, `nameserver ${OUTSIDE_ADDRESS}`);
  await fixture.box.removeContainers();
});

describe('names that are not ours', () => {
  test('are asked of the host’s resolver, on its loopback too, and a change of it holds at once', async () => {
    await sleeper('asker', '--network', 'sea');
    expect(await dig('asker', '+short', 'outside.example')).toBe(OUTSIDE_ADDRESS);
    const local = await nameServer(fixture.box, '127.0.0.53', '192.0.2.53');
    hostResolvers(fixture.box, 'nameserver 127.0.0.53', 'search lan');
    expect(await dig('asker', '+short', 'outside.example')).toBe('192.0.2.53');
    expect(local.log()).toContain('asked A outside.example by 127.0.0.1');
    hostResolvers(fixture.box, `nameserver ${OUTSIDE_ADDRESS}`);
    expect(await dig('asker', '+short', 'outside.example')).toBe(OUTSIDE_ADDRESS);
  });

  test('on the default bridge are the host’s resolvers’ business, unless only its loopback has them', async () => {
    await sleeper('plain');
    expect(await berth('exec', 'plain', 'cat', '/etc/resolv.conf')).toContain(
      `nameserver ${OUTSIDE_ADDRESS}`,
    );
    await nameServer(fixture.box, '127.0.0.53', '192.0.2.53');
    hostResolvers(fixture.box, 'nameserver 127.0.0.53');
    await sleeper('helped');
    expect(await berth('exec', 'helped', 'cat', '/etc/resolv.conf')).toContain('nameserver 127.0.0.11');
    expect(await berth('exec', 'helped', 'nslookup', 'outside.example')).toContain('192.0.2.53');
    // Names of containers it has none there all the same.
    expect(await dig('helped', 'plain')).toContain('status: NXDOMAIN');
  });

  test('go to the container’s own servers from within it: also to another container on an internal network', async () => {
    await berth('network', 'create', '--internal', '--subnet', '10.77.0.0/24', 'vault');
    await sleeper('resolver', '--network', 'vault', '--ip', '10.77.0.53');
    const inside = await nameServer(fixture.box, '10.77.0.53', '192.0.2.99', 'resolver');
    await sleeper('asker', '--network', 'vault', '--dns', '10.77.0.53', '--ip', '10.77.0.9');
    expect(await dig('asker', '+short', 'anything.example')).toBe('192.0.2.99');
    expect(inside.log()).toContain('asked A anything.example by 10.77.0.9');
    const before = fixture.box.outsideLog;
    await sleeper('closed', '--network', 'vault');
    expect(await dig('closed', 'outside.example')).toContain('status: SERVFAIL');
    expect(fixture.box.outsideLog).toBe(before);
    await berth('rm', '-f', 'resolver', 'asker', 'closed');
    await berth('network', 'rm', 'vault');
  });

  test('go to the servers of the network where the container has none, which can be changed', async () => {
    await sleeper('asker', '--network', 'sea');
    const other = await nameServer(fixture.box, '198.51.100.1', '192.0.2.7');
    await berth('network', 'update', '--dns', '198.51.100.1', 'sea');
    expect(await dig('asker', '+short', 'outside.example')).toBe('192.0.2.7');
    expect(other.log()).toContain('asked A outside.example');
    await berth('network', 'update', '--dns', 'none', 'sea');
    expect(await dig('asker', '+short', 'outside.example')).toBe(OUTSIDE_ADDRESS);
  });

  test('of one label are not asked of anybody', async () => {
    await sleeper('asker', '--network', 'sea');
    expect(await dig('asker', 'printer')).toContain('status: NXDOMAIN');
    expect(fixture.box.outsideLog).not.toContain('printer');
  });

  test('that are asked of ourselves fail, and nothing goes round', async () => {
    await sleeper('asker', '--network', 'sea', '--dns', '127.0.0.11', '--dns', '198.51.100.77');
    const started = Date.now();
    expect(await dig('asker', '+time=6', 'outside.example')).toContain('status: SERVFAIL');
    expect(Date.now() - started).toBeLessThan(6000);
    const [shown] = JSON.parse(await berth('inspect', 'asker')) as [
      { NetworkSettings: { NameService: Record<string, number> } },
    ];
    expect(shown.NetworkSettings.NameService).toMatchObject({ Asked: 1, Failed: 1, Forwarded: 0 });
  });
});

test('what became of a container’s questions is counted in inspect', async () => {
  await sleeper('asker', '--network', 'sea');
  await dig('asker', 'asker');
  await dig('asker', 'asker', 'AAAA');
  await dig('asker', 'outside.example');
  await dig('asker', 'example', 'AXFR').catch(() => undefined);
  const [shown] = JSON.parse(await berth('inspect', 'asker')) as [
    { NetworkSettings: { NameService: Record<string, number> } },
  ];
  expect(shown.NetworkSettings.NameService).toMatchObject({
    Asked: 4,
    AnsweredHere: 2,
    Forwarded: 1,
    Failed: 0,
    Slow: 0,
    Refused: 1,
    Malformed: 0,
    Forged: 0,
  });
});

test('a daemon that is told to asks upstream for names of one label, and names the default bridge’s containers', async () => {
  await using box = await HostInABox.create();
  await box.startDaemon({
    flags: ['--dns-single-labels', '--default-bridge-names', '--dns-listen', '127.0.0.54:5354'],
  });
  const id = await box.berth('run', '-d', '--name', 'web', 'busybox', 'sleep', '600');
  await box.berth('network', 'create', 'sea');
  await box.berth('run', '-d', '--name', 'ship', '--network', 'sea', 'busybox', 'sleep', '600');
  expect(await box.berth('run', '--rm', 'busybox', 'nslookup', 'web')).toContain('172.17.0.2');
  await box.berth('nsexec', 'web', '--', 'dig', '@127.0.0.11', '+tries=1', 'printer');
  expect(box.outsideLog).toContain('asked A printer');
  // The host asks too.
  const ask = (...args: string[]) => box.host('dig', '@127.0.0.54', '-p', '5354', '+tries=1', ...args);
  const address = await box.berth('inspect', '-f', '{{.NetworkSettings.Networks.sea.IPAddress}}', 'ship');
  expect(await ask('+short', 'ship.sea.berth.internal')).toBe(`${address}\n`);
  expect(await ask('+short', '+tcp', `${id.slice(0, 12)}.bridge.berth.internal`)).toBe('172.17.0.2\n');
  expect(await ask('ghost.sea.berth.internal')).toContain('status: NXDOMAIN');
  expect(await ask('outside.example')).toContain('status: REFUSED');
  expect(await box.berth('dns')).toContain('server=/berth.internal/127.0.0.54#5354');
  await box.berth('rm', '-f', 'web', 'ship');
  await box.berth('network', 'rm', 'sea');
});

test('without a listener berth dns says how to get one', async () => {
  const refused = await fixture.box.tryBerth('dns');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('--dns-listen');
});
