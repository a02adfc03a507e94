import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, Store } from '@berth/core';
import { bindMount, mounts, unmount } from '@berth/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../events/event-bus.js';
import type { EngineEvent } from '../model.js';
import { Volumes } from './volumes.js';

let folder: string;
let store: Store;
let volumes: Volumes;
let users: Record<string, string[]>;
let told: EngineEvent[];

async function open(): Promise<void> {
  store = Store.open(join(folder, 'berth.db'));
  const events = new EventBus();
  told = [];
  events.publish = (event) => void told.push({ ...event, timeNano: 0n });
  volumes = new Volumes({
    root: join(folder, 'volumes'),
    store,
    events,
    logger: silentLogger,
    users: (name) => users[name] ?? [],
  });
  await volumes.open();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-volumes-'));
  users = {};
  await open();
});

afterEach(() => {
  for (const { mountPoint } of mounts().filter((mount) => mount.mountPoint.startsWith(folder)))
    unmount(mountPoint, { detach: true });
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('volumes', () => {
  it('are created once, kept, and removed with what is in them', async () => {
    const volume = volumes.create({ name: 'data', labels: { a: 'b' } });
    expect(volume).toMatchObject({
      name: 'data',
      driver: 'local',
      labels: { a: 'b' },
      options: {},
      users: [],
    });
    expect(volume.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    writeFileSync(join(volume.mountpoint, 'file'), 'x');
    expect(volumes.create({ name: 'data', labels: { other: '' } }).labels).toEqual({ a: 'b' });
    store.close();
    await open();
    expect(volumes.list()).toEqual([volume]);
    await volumes.remove('data');
    expect(readdirSync(join(folder, 'volumes'))).toEqual(['.removed']);
    expect(readdirSync(join(folder, 'volumes/.removed'))).toEqual([]);
    expect(() => volumes.get('data')).toThrow('get data: no such volume');
    await expect(volumes.remove('data')).rejects.toThrow('get data: no such volume');
    await volumes.remove('data', { force: true });
    expect(told.map(({ action, actor }) => [action, actor.id, actor.attributes])).toEqual([
      ['destroy', 'data', { driver: 'local' }],
    ]);
  });

  it('without a name are anonymous', () => {
    const { name, labels } = volumes.create({ labels: { a: 'b' } });
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect(labels).toEqual({ 'com.docker.volume.anonymous': '', a: 'b' });
  });

  it('have names of a certain form only, and the local driver', () => {
    const create = (name: string) => () => volumes.create({ name });
    expect(create('a')).toThrow('create a: volume name is too short');
    for (const name of ['../up', 'a/b', '.removed', 'a b', 'ä1', '-x', 'a\n'])
      expect(create(name)).toThrow(/includes invalid characters for a local volume name/);
    expect(create('x'.repeat(256))).toThrow('255 are the most');
    expect(() => volumes.create({ name: 'aa', driver: 'flocker' })).toThrow(
      'create aa: error looking up volume plugin flocker: plugin "flocker" not found',
    );
    expect(readdirSync(join(folder, 'volumes'))).toEqual([]);
  });

  it('are not removed while containers name them', async () => {
    volumes.create({ name: 'data' });
    users = { data: ['c1', 'c2'] };
    await expect(volumes.remove('data', { force: true })).rejects.toThrow(
      'remove data: volume is in use - [c1, c2]',
    );
  });

  it('are not emptied of what somebody has mounted in them', async () => {
    const { mountpoint } = volumes.create({ name: 'data' });
    mkdirSync(join(folder, 'precious'));
    writeFileSync(join(folder, 'precious/file'), '');
    mkdirSync(join(mountpoint, 'below'));
    bindMount(join(folder, 'precious'), join(mountpoint, 'below'));
    await expect(volumes.remove('data')).rejects.toThrow(
      /something is mounted at .*\/below: unmount it first/,
    );
    unmount(join(mountpoint, 'below'));
    await volumes.remove('data');
    expect(existsSync(join(folder, 'precious/file'))).toBe(true);
  });

  it('that an older daemon or an interrupted removal has left are found', async () => {
    mkdirSync(join(folder, 'volumes/old/_data'), { recursive: true });
    mkdirSync(join(folder, 'volumes/.removed/x/_data'), { recursive: true });
    volumes.create({ name: 'lost' });
    rmSync(join(folder, 'volumes/lost'), { recursive: true });
    store.close();
    await open();
    expect(volumes.list().map(({ name }) => name)).toEqual(['lost', 'old']);
    expect(statSync(volumes.path('lost')).isDirectory()).toBe(true);
    expect(readdirSync(join(folder, 'volumes')).sort()).toEqual(['lost', 'old']);
  });

  it('are pruned: anonymous ones, or all, that nothing uses', async () => {
    const [mine, used] = [volumes.create({}).name, volumes.create({}).name];
    volumes.create({ name: 'named' });
    volumes.create({ name: 'kept', labels: { keep: '' } });
    writeFileSync(join(volumes.path(mine), 'file'), Buffer.alloc(100_000));
    users = { [used]: ['c1'] };
    const pruning = volumes.prune({ all: false });
    await expect(volumes.prune({ all: false })).rejects.toThrow('a prune operation is already running');
    const first = await pruning;
    expect(first.removed).toEqual([mine]);
    expect(first.bytes).toBeGreaterThanOrEqual(100_000);
    const second = await volumes.prune({ all: true }, ({ labels }) => 'keep' in labels);
    expect(second.removed).toEqual(['named']);
    expect(told.at(-1)).toMatchObject({ type: 'volume', action: 'prune', actor: { id: '' } });
    expect(volumes.list().map(({ name }) => name)).toEqual([used, 'kept'].sort());
  });
});

describe('volumes with options', () => {
  const mounted = (name: string) => mounts().filter(({ mountPoint }) => mountPoint === volumes.path(name));

  it('are checked', () => {
    const create = (options: Record<string, string>) => () => volumes.create({ name: 'data', options });
    expect(create({ type: 'tmpfs' })).toThrow('create data: missing required option: "device"');
    expect(create({ o: 'size=1m', device: 'tmpfs' })).toThrow('missing required option: "type"');
    expect(create({ colour: 'red' })).toThrow('create data: invalid option: "colour"');
    expect(create({ size: '1m' })).toThrow('quota size requested but no quota support');
    expect(volumes.list()).toEqual([]);
  });

  it('are mounted while somebody uses them', async () => {
    const options = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,nosuid,uid=7' };
    const volume = volumes.create({ name: 'data', options });
    expect(mounted('data')).toEqual([]);
    await volumes.mounts.use(volume, 'c1');
    await volumes.mounts.use(volume, 'c2');
    expect(mounted('data')).toMatchObject([{ type: 'tmpfs' }]);
    expect(mounted('data')[0]?.options).toContain('nosuid');
    expect(statSync(volume.mountpoint).uid).toBe(7);
    await volumes.mounts.release(volume, 'c1');
    expect(mounted('data')).toHaveLength(1);
    await volumes.mounts.release(volume, 'c2');
    expect(mounted('data')).toEqual([]);
  });

  it('bind a folder of the host, which outlives them', async () => {
    const device = join(folder, 'host');
    mkdirSync(device);
    writeFileSync(join(device, 'file'), '');
    const options = { type: 'none', device, o: 'bind,ro' };
    const volume = volumes.create({ name: 'data', options });
    await volumes.mounts.use(volume, 'c1');
    expect(readdirSync(volume.mountpoint)).toEqual(['file']);
    expect(() => writeFileSync(join(volume.mountpoint, 'other'), '')).toThrow('EROFS');
    // As after a crash: mounted, but nobody knows.
    store.close();
    await open();
    await volumes.remove('data');
    expect(readdirSync(device)).toEqual(['file']);
  });

  it('say what cannot be mounted, without a password', async () => {
    const device = join(folder, 'none');
    const volume = volumes.create({ name: 'data', options: { type: 'none', device, o: 'bind,password=x' } });
    await expect(volumes.mounts.use(volume, 'c1')).rejects.toThrow(
      /error while mounting volume '.*\/data\/_data': failed to mount local volume: .*No such file/,
    );
    expect(volumes.mounts.used('data')).toBe(false);
  });

  it('are mounted again, or unmounted, when a daemon starts', async () => {
    const options = { type: 'tmpfs', device: 'tmpfs' };
    const [one, two] = ['one', 'two'].map((name) => volumes.create({ name, options }));
    if (one === undefined || two === undefined) throw new Error('not created');
    await volumes.mounts.use(two, 'c2');
    store.close();
    await open();
    volumes.mounts.adopt('one', 'c1');
    await volumes.mounts.recover(volumes.list());
    expect([mounted('one').length, mounted('two').length]).toEqual([1, 0]);
  });
});

it('asks for the size of files, not of what is mounted below', async () => {
  const { mountpoint } = volumes.create({ name: 'data', labels: { 'com.docker.volume.anonymous': '' } });
  execFileSync('sh', [
    '-c',
    `cd ${mountpoint}; head -c 50000 /dev/zero > a; ln a b; mkdir c; ln -s / c/root`,
  ]);
  const { bytes } = await volumes.prune({ all: false });
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(70_000);
});
