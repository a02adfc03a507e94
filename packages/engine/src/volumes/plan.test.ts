import { describe, expect, it } from 'vitest';
import { bindOptions, splitBind, splitVolumesFrom } from './bind-text.js';
import type { ContainerMount, MountSpec } from './model.js';
import { planMounts, type PlanInput } from './plan.js';
import { rootPropagation, runtimeMounts } from './runtime-mounts.js';

const plan = (input: Partial<PlanInput>) =>
  planMounts({
    ...{ binds: [], mounts: [], volumesFrom: [], volumeDriver: '', volumes: [], tmpfs: [] },
    pathOf: (name) => `/v/${name}/_data`,
    mountsOf: () => [],
    ...input,
  });
const one = (input: Partial<PlanInput>) => {
  const [planned, ...others] = plan(input);
  expect(others).toEqual([]);
  return planned;
};
const bind = (text: string) => one({ binds: [text] });
const mount = (spec: MountSpec) => one({ mounts: [spec] });

describe('binds', () => {
  it('are split into source, destination and mode', () => {
    expect(splitBind('/a:/b')).toEqual({ source: '/a', destination: '/b', mode: '' });
    expect(splitBind('a:/b:ro,z')).toEqual({ source: 'a', destination: '/b', mode: 'ro,z' });
    expect(splitBind('/b')).toEqual({ destination: '/b', mode: '' });
    for (const text of ['', ':/b', '/a:/b:ro:x', '/a:ro']) {
      expect(() => splitBind(text)).toThrow(`invalid volume specification: '${text}'`);
    }
  });

  it('have at most one option of a kind', () => {
    expect(bindOptions('')).toEqual({ readWrite: true, noCopy: false, propagation: undefined });
    expect(bindOptions('ro,Z,rslave,nocopy,cached')).toEqual({
      readWrite: false,
      noCopy: true,
      propagation: 'rslave',
    });
    for (const mode of ['ro,rw', 'z,Z', 'shared,slave', 'RO', 'ro,', 'nocopy,nocopy', 'unbindable'])
      expect(() => bindOptions(mode)).toThrow(`invalid mode: ${mode}`);
  });

  it('mount a path of the host, or a volume by its name', () => {
    expect(bind('/a/../c/:/b/./d/:ro')).toEqual({
      mount: { type: 'bind', source: '/c', destination: '/b/d', mode: 'ro', readWrite: false },
    });
    expect(bind('data:/b')).toEqual({
      mount: {
        ...{ type: 'volume', name: 'data', source: '/v/data/_data', destination: '/b' },
        ...{ mode: 'z', readWrite: true },
      },
      volume: { name: 'data', driver: '', labels: undefined },
      copy: true,
    });
    expect(bind('data:/b:nocopy')).toMatchObject({ copy: false, mount: { mode: 'nocopy' } });
    const anonymous = bind('/b');
    expect(anonymous?.mount).toMatchObject({ type: 'volume', anonymous: true });
    expect(anonymous?.mount.name).toMatch(/^[0-9a-f]{64}$/);
    expect(anonymous?.volume?.labels).toEqual({ 'com.docker.volume.anonymous': '' });
  });

  it('are refused in Docker’s words', () => {
    expect(() => bind('/a:b')).toThrow(
      "invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be absolute",
    );
    expect(() => bind('/a:/b/..')).toThrow("invalid specification: destination can't be '/'");
    expect(() => bind('a/b:/c')).toThrow('includes invalid characters for a local volume name');
    expect(() => bind('data:/b:rshared')).toThrow('field BindOptions must not be specified');
    expect(() => bind('/a\0:/b')).toThrow('invalid mount path');
  });
});

describe('mounts', () => {
  it('of the host must be there, unless they are to be made', () => {
    const target = '/b';
    expect(() => mount({ type: 'bind', source: '/no/such', target })).toThrow(
      'invalid mount config for type "bind": bind source path does not exist: /no/such',
    );
    expect(mount({ type: 'bind', source: '/no/such', target, createMountpoint: true })?.mount).toMatchObject({
      mustExist: false,
    });
    expect(mount({ type: 'bind', source: '/etc', target, readOnly: true })?.mount).toMatchObject({
      readWrite: false,
      mode: '',
      mustExist: true,
    });
    expect(() => mount({ type: 'bind', source: '', target })).toThrow('field Source must not be empty');
    expect(() => mount({ type: 'bind', source: 'etc', target })).toThrow('mount path must be absolute');
    expect(() => mount({ type: 'bind', source: '/etc', target: '' })).toThrow(
      'field Target must not be empty',
    );
    expect(() => mount({ type: 'bind', source: '/etc', target, propagation: 'up' })).toThrow(
      'invalid propagation mode: up',
    );
    expect(() =>
      mount({
        type: 'bind',
        source: '/etc',
        target,
        readOnlyForceRecursive: true,
        readOnlyNonRecursive: true,
      }),
    ).toThrow('in conflict');
  });

  it('of volumes have labels, options and a path within', () => {
    const spec = { type: 'volume', target: '/b', source: 'data', labels: { a: 'b' } } as const;
    expect(mount({ ...spec, driverOptions: { type: 'tmpfs' }, subpath: 'in/side' })).toMatchObject({
      mount: { name: 'data', subpath: 'in/side', mode: 'z' },
      volume: { name: 'data', labels: { a: 'b' }, options: { type: 'tmpfs' } },
      copy: false,
    });
    for (const subpath of ['/abs', '..', '../x', 'a/../../x'])
      expect(() => mount({ ...spec, subpath })).toThrow('subpath must be a relative path within the volume');
    expect(() => mount({ type: 'volume', target: '/b', subpath: 'x' })).toThrow(
      'must not set Subpath when using anonymous volumes',
    );
    expect(() => mount({ type: 'volume', target: '/b', readOnly: true })).toThrow(
      'must not set ReadOnly mode when using anonymous volumes',
    );
  });

  it('of memory are checked', () => {
    expect(mount({ type: 'tmpfs', target: '/b', sizeBytes: 4096 })?.mount).toMatchObject({
      type: 'tmpfs',
      source: '',
    });
    expect(() => mount({ type: 'tmpfs', target: '/b', options: [['colour', 'red']] })).toThrow(
      /invalid mount config for type "tmpfs": invalid tmpfs option/,
    );
  });
});

describe('what is mounted at one place', () => {
  const other: ContainerMount[] = [
    { type: 'volume', name: 'theirs', source: '/v', destination: '/a', mode: 'z', readWrite: true },
    { type: 'bind', source: '/s', destination: '/b', mode: 'ro', readWrite: false, propagation: 'rslave' },
  ];

  it('is the own mount rather than that of another container, and a volume only where nothing else is', () => {
    const found = plan({
      volumesFrom: ['other:ro'],
      mountsOf: () => other,
      binds: ['mine:/a/'],
      tmpfs: ['/c'],
      volumes: ['/a', '/b', '/c', '/d/'],
    });
    expect(
      found.map(({ mount: { destination, name = '', readWrite } }) => [destination, name.length, readWrite]),
    ).toEqual([
      ['/a', 4, true],
      ['/b', 0, false],
      ['/d', 64, true],
    ]);
    expect(found[1]?.mount).toMatchObject({ mode: '', propagation: 'rslave' });
  });

  it('cannot be two mounts', () => {
    expect(() => plan({ binds: ['/a:/b', 'data:/b/'] })).toThrow('Duplicate mount point: /b');
    expect(() => plan({ binds: ['/a:/b'], tmpfs: ['/b'] })).toThrow('Duplicate mount point: /b');
  });

  it('is taken from another container as it is', () => {
    expect(splitVolumesFrom('web')).toEqual({ container: 'web', readWrite: true });
    expect(splitVolumesFrom('web:ro')).toEqual({ container: 'web', readWrite: false });
    for (const text of ['web:nocopy', 'web:rslave', 'web:x', 'web:ro:rw'])
      expect(() => splitVolumesFrom(text)).toThrow('invalid mode');
    expect(() => splitVolumesFrom('')).toThrow('invalid volumes-from specification');
  });
});

describe('the runtime', () => {
  const base = { type: 'bind', source: '/s', mode: '', readWrite: true } as const;
  const optionsOf = (more: Partial<ContainerMount>, recursive = true) =>
    runtimeMounts([{ ...base, destination: '/a', ...more }], new Map(), recursive)[0]?.options.join();

  it('is told of propagation, depth and access', () => {
    expect(optionsOf({})).toBe('rbind,rprivate,rw');
    expect(optionsOf({ nonRecursive: true, propagation: 'slave' })).toBe('bind,slave,rw');
    expect(optionsOf({ readWrite: false })).toBe('rbind,rprivate,rro');
    expect(optionsOf({ readWrite: false, readOnlyBelow: 'leave' })).toBe('rbind,rprivate,ro');
    expect(optionsOf({ readWrite: false }, false)).toBe('rbind,rprivate,ro');
    expect(() => optionsOf({ readWrite: false, readOnlyBelow: 'insist' }, false)).toThrow(
      'cannot be made recursively read-only',
    );
  });

  it('has a root that lets propagation through', () => {
    const mounts = (...kinds: ContainerMount['propagation'][]) =>
      kinds.map((propagation) => ({ ...base, destination: '/a', propagation }));
    expect(rootPropagation(mounts(undefined, 'rprivate'))).toBeUndefined();
    expect(rootPropagation(mounts('rslave', 'private'))).toBe('rslave');
    expect(rootPropagation(mounts('slave', 'rshared'))).toBe('shared');
  });
});
