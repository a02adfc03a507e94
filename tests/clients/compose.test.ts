import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { REPOSITORY, eventually } from '../box/index.js';
import { useBox } from '../box/fixture.js';

const fixture = useBox();
const FILE = join(REPOSITORY, 'tests/clients/compose.yaml');
const compose = async (...args: string[]) => {
  const command = ['docker-compose', '-p', 'fleet', '-f', FILE, ...args];
  const result = await fixture.box.tryHost(command, { timeout: 50_000 });
  if (result.status !== 0) throw new Error(`${command.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
};
const docker = (...args: string[]) => fixture.box.docker(...args);

afterAll(async () => {
  await compose('down', '-v', '-t', '0');
});

describe('docker-compose', () => {
  test('brings four services up, with their networks, aliases, addresses and volumes', async () => {
    await compose('up', '-d');
    const names = (await docker('ps', '--format', '{{.Names}}')).split('\n').sort();
    expect(names).toEqual(expect.arrayContaining(['fleet_store_1', 'fleet_web_1', 'fleet_worker_1']));
    expect((await docker('network', 'ls', '--format', '{{.Name}}')).split('\n')).toEqual(
      expect.arrayContaining(['fleet_front', 'fleet_back']),
    );
    expect(await docker('network', 'inspect', '-f', '{{.Internal}}', 'fleet_back')).toBe('true');
    expect(await docker('volume', 'ls', '-q')).toContain('fleet_data');
    expect(
      await docker('inspect', '-f', '{{.NetworkSettings.Networks.fleet_front.IPAddress}}', 'fleet_worker_1'),
    ).toBe('10.91.0.77');
  });

  test('shows what they say, and that one of them has found the other by its alias', async () => {
    await eventually('the one that runs once has ended', async () =>
      (await compose('logs', '--no-color', 'once')).includes('kept'),
    );
  });

  test('lets them find each other by name, and the host by the published port', async () => {
    const page = await compose('exec', '-T', 'worker', 'wget', '-qO-', 'http://web:8080/hostname');
    const id = await docker('inspect', '-f', '{{.Id}}', 'fleet_web_1');
    expect(page.trim()).toBe(id.slice(0, 12));
    expect(await fixture.box.host('curl', '-sf', 'http://127.0.0.1:18080/hostname')).toBe(page);
    expect((await compose('port', 'web', '8080')).trim()).toBe('0.0.0.0:18080');
  });

  test('scales a service up and down', async () => {
    await compose('up', '-d', '--scale', 'store=3');
    expect((await compose('ps', '-q', 'store')).trim().split('\n')).toHaveLength(3);
    await compose('up', '-d', '--scale', 'store=1');
    expect((await compose('ps', '-q', 'store')).trim().split('\n')).toHaveLength(1);
  });

  test('restarts, stops and starts them, and leaves alone what has not changed', async () => {
    const before = await docker('inspect', '-f', '{{.Id}}', 'fleet_store_1');
    await compose('restart', '-t', '0', 'web');
    await compose('stop', '-t', '0', 'worker');
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'fleet_worker_1')).toBe('exited');
    await compose('up', '-d');
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'fleet_worker_1')).toBe('running');
    expect(await docker('inspect', '-f', '{{.Id}}', 'fleet_store_1')).toBe(before);
  });

  test('takes everything away again', async () => {
    await compose('down', '-v', '-t', '0');
    expect(await docker('ps', '-aq')).toBe('');
    expect(await docker('volume', 'ls', '-q')).toBe('');
    expect(await docker('network', 'ls', '--format', '{{.Name}}')).not.toContain('fleet');
  });
});
