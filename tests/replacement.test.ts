import { afterEach, describe, expect, test } from 'vitest';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, eventually, output } from './box/index.js';
import { useBox } from './box/fixture.js';
import { inContainer, onHost, onOutside } from './box/places.js';
import { Talkers } from './box/talkers.js';

const fixture = useBox();
const berth = (...args: string[]) => fixture.box.berth(...args);
const talkers = new Talkers(() => fixture.box);

const sleeper = (name: string, ...flags: string[]) => fixture.box.sleeper(name, ...flags);

afterEach(async () => {
  await talkers.endAll();
  await fixture.daemon.removeEverything();
});

/** A counter of a container's own network: `Udp InDatagrams` (/proc/net/snmp, RFC 1213). */
async function counter(name: string, protocol: 'Tcp' | 'Udp', counter: string): Promise<number> {
  const place = await inContainer(fixture.box, name);
  const entry = await output([...place, 'cat', '/proc/net/snmp']);
  const rows = entry.split('\n').filter((line) => line.startsWith(`${protocol}: `));
  const [names = [], values = []] = rows.map((row) => row.split(' '));
  return Number(values[names.indexOf(counter)]);
}

/** Whether no packet has come to a container that nobody has a reason to send one to. */
async function expectSilence(name: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect({
    datagrams: await counter(name, 'Udp', 'InDatagrams'),
    strays: await counter(name, 'Udp', 'NoPorts'),
    segments: await counter(name, 'Tcp', 'InSegs'),
  }).toEqual({ datagrams: 0, strays: 0, segments: 0 });
}

describe('a udp flow that never pauses', () => {
  test.each([
    ['9000', ['-p', '9000:9000/udp']],
    ['another one of the container', ['-p', '9000:53/udp']],
    ['a range', ['-p', '8990-9030:8990-9030/udp']],
    ['two addresses', ['-p', `${HOST_ADDRESS}:9000:53/udp`, '-p', '127.0.0.1:9000:53/udp']],
  ])('goes to the next container that publishes its port: %s', async (_, flags) => {
    await berth('network', 'create', 'elsewhere');
    await sleeper('old', ...flags);
    await talkers.serve('old', 9000, 53);
    const outside = talkers.call('udp', HOST_ADDRESS, 9000);
    const local = talkers.call('udp', '127.0.0.1', 9000, onHost(fixture.box));
    expect(await outside.answer()).toMatch(/^old udp/);
    expect(await local.answer()).toMatch(/^old udp/);
    await berth('rm', '-f', 'old');
    // Another address, then another network.
    for (const [name, network] of [
      ['next', 'bridge'],
      ['last', 'elsewhere'],
    ] as const) {
      await sleeper(name, '--network', network, ...flags);
      await talkers.serve(name, 9000, 53);
      expect(await outside.answer()).toMatch(new RegExp(`^${name} udp`));
      expect(await local.answer()).toMatch(new RegExp(`^${name} udp`));
      await berth('rm', '-f', name);
      expect([await outside.unanswered(), await local.unanswered()]).toEqual([true, true]);
    }
  });

  test('comes back to a container that is started again', async () => {
    await sleeper('again', '-p', '9000:53/udp');
    await talkers.serve('again', 53);
    const flow = talkers.call('udp', HOST_ADDRESS, 9000);
    expect(await flow.answer()).toBe('again udp 53');
    await berth('stop', '-t', '0', 'again');
    await sleeper('between');
    await berth('start', 'again');
    await talkers.serve('again', 53);
    expect(await flow.answer()).toBe('again udp 53');
  });

  test('goes on at one address of the host when another container takes the other', async () => {
    await fixture.box.host('ip', 'address', 'add', '198.51.100.9/32', 'dev', 'eth0');
    await sleeper('stays', '-p', `${HOST_ADDRESS}:9000:53/udp`);
    await sleeper('goes', '-p', '198.51.100.9:9000:53/udp');
    await talkers.serve('stays', 53);
    await talkers.serve('goes', 53);
    const one = talkers.call('udp', HOST_ADDRESS, 9000);
    const two = talkers.call('udp', '198.51.100.9', 9000);
    expect([await one.answer(), await two.answer()]).toEqual(['stays udp 53', 'goes udp 53']);
    await berth('rm', '-f', 'goes');
    await sleeper('new', '-p', '198.51.100.9:9000:53/udp');
    await talkers.serve('new', 53);
    expect([await one.answer(), await two.answer()]).toEqual(['stays udp 53', 'new udp 53']);
    await fixture.box.host('ip', 'address', 'delete', '198.51.100.9/32', 'dev', 'eth0');
  });

  test('that went to the host itself goes to the container as soon as it publishes the port', async () => {
    const endServer = await talkers.serveHost(9000);
    const outside = talkers.call('udp', HOST_ADDRESS, 9000);
    const local = talkers.call('udp', '127.0.0.1', 9000, onHost(fixture.box));
    const ignored = talkers.call('udp', HOST_ADDRESS, 9001);
    expect(await outside.answer()).toBe('host udp 9000');
    expect(await local.answer()).toBe('host udp 9000');
    await endServer();
    await sleeper('web', '-p', '9000:53/udp', '-p', '9001:54/udp');
    await talkers.serve('web', 53, 54);
    expect(await outside.answer()).toBe('web udp 53');
    expect(await local.answer()).toBe('web udp 53');
    expect(await ignored.answer()).toBe('web udp 54');
  });

  test('follows a connection to a network that takes the ports over, and back', async () => {
    await berth('network', 'create', 'preferred');
    await sleeper('web', '-p', '9000:53/udp');
    await talkers.serve('web', 53);
    const flow = talkers.call('udp', HOST_ADDRESS, 9000);
    expect(await flow.answer()).toBe('web udp 53');
    await berth('network', 'connect', '--gw-priority', '5', 'preferred', 'web');
    expect(await flow.answer()).toBe('web udp 53');
    await berth('network', 'disconnect', 'preferred', 'web');
    expect(await flow.answer()).toBe('web udp 53');
  });
});

describe('what a removed container leaves to the next owner of its address', () => {
  const address = ['--network', 'fixed', '--ip', '10.40.0.5'];

  test('is no TCP connection to a published port: that ends', async () => {
    await berth('network', 'create', '--subnet', '10.40.0.0/24', 'fixed');
    await sleeper('old', ...address, '-p', '8081:80');
    await talkers.serve('old', 80);
    const flow = talkers.call('tcp', HOST_ADDRESS, 8081);
    const local = talkers.call('tcp', '127.0.0.1', 8081, onHost(fixture.box));
    expect([await flow.answer(), await local.answer()]).toEqual(['old tcp 80', 'old tcp 80']);
    await berth('rm', '-f', 'old');
    await sleeper('new', ...address);
    await talkers.serve('new', 80);
    await eventually('the connection ends', () => flow.ended);
    expect(flow.ended).toBe('ECONNRESET');
    await expectSilence('new');
    expect([await flow.unanswered(), await local.unanswered()]).toEqual([true, true]);
  });

  test('is no TCP connection either when it publishes the same port', async () => {
    await berth('network', 'create', '--subnet', '10.40.0.0/24', 'fixed');
    await sleeper('old', ...address, '-p', '8081:80');
    await talkers.serve('old', 80);
    const flow = talkers.call('tcp', HOST_ADDRESS, 8081);
    expect(await flow.answer()).toBe('old tcp 80');
    await berth('rm', '-f', 'old');
    await sleeper('new', ...address, '-p', '8081:80');
    await talkers.serve('new', 80);
    await eventually('the connection ends', () => flow.ended);
    expect(await talkers.call('tcp', HOST_ADDRESS, 8081).answer()).toBe('new tcp 80');
    expect(flow.lines.some((line) => line.startsWith('new'))).toBe(false);
  });

  test('is no udp flow to a published port', async () => {
    await berth('network', 'create', '--subnet', '10.40.0.0/24', 'fixed');
    await sleeper('old', ...address, '-p', '9000:53/udp');
    await talkers.serve('old', 53);
    const flow = talkers.call('udp', HOST_ADDRESS, 9000);
    expect(await flow.answer()).toBe('old udp 53');
    await berth('rm', '-f', 'old');
    await sleeper('new', ...address);
    await expectSilence('new');
  });

  test('is no flow that it had outwards: answers that still come are not the new one’s', async () => {
    await berth('network', 'create', '--subnet', '10.40.0.0/24', 'fixed');
    // The outside goes on sending to who has asked once.
    const stream = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.once('message', (_, { port, address }) => {
        console.log('asked', address);
        setInterval(() => socket.send('more', port, address), 20);
      });
      socket.bind(7000, () => console.log('up'));`;
    const streamer = talkers.run([...onOutside(fixture.box), process.execPath, '-e', stream]);
    await eventually('the outside listens', () => streamer.lines.includes('up'));
    await sleeper('old', ...address);
    talkers.call('udp', OUTSIDE_ADDRESS, 7000, await inContainer(fixture.box, 'old'));
    await eventually('an answer comes', async () => (await counter('old', 'Udp', 'InDatagrams')) > 10);
    expect(streamer.lines).toContain(`asked ${HOST_ADDRESS}`);
    await berth('rm', '-f', 'old');
    await sleeper('new', ...address);
    await expectSilence('new');
    // Nor after it was disconnected, where the next one comes at once.
    await berth('network', 'disconnect', 'fixed', 'new');
    await sleeper('last', ...address);
    await expectSilence('last');
  });
});
