import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unmount } from '@berth/kernel';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ContainerMount } from './model.js';
import { checkPropagation, withPropagation } from './propagation.js';

let folder: string;
const mount = (more: Partial<ContainerMount>): ContainerMount => ({
  ...{ type: 'bind', source: folder, destination: '/b', mode: '', readWrite: true },
  ...more,
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-propagation-'));
  execFileSync('mount', ['--bind', folder, folder]);
  mkdirSync(join(folder, 'data/containers'), { recursive: true });
});
afterEach(() => {
  unmount(folder, { detach: true });
  rmSync(folder, { recursive: true });
});
const make = (kind: string) => execFileSync('mount', [`--make-${kind}`, folder]);
const check = (more: Partial<ContainerMount>) => () => checkPropagation([mount(more)]);

it('needs mounts of the host that pass others on', () => {
  make('private');
  for (const propagation of ['shared', 'rshared'] as const) {
    expect(check({ propagation, source: join(folder, 'data') })).toThrow(
      `path ${folder}/data is mounted on ${folder} but it is not a shared mount`,
    );
  }
  expect(check({ propagation: 'rslave' })).toThrow('not a shared or slave mount');
  expect(check({ propagation: 'rprivate' })).not.toThrow();
  make('shared');
  expect(check({ propagation: 'rshared' })).not.toThrow();
  expect(check({ propagation: 'slave' })).not.toThrow();
  symlinkSync(join(folder, 'data'), join(folder, 'link'));
  expect(check({ propagation: 'rshared', source: join(folder, 'link') })).not.toThrow();
  // One that takes mounts from a group, but passes none back.
  const follower = join(folder, 'data/containers');
  execFileSync('mount', ['--bind', folder, follower]);
  execFileSync('mount', ['--make-slave', follower]);
  expect(check({ propagation: 'slave', source: follower })).not.toThrow();
  expect(check({ propagation: 'shared', source: follower })).toThrow('not a shared mount');
});

it('is private, but near the data root follows what goes from the host', () => {
  const settled = (source: string, propagation?: ContainerMount['propagation']) =>
    withPropagation(mount({ source, propagation }), join(folder, 'data')).propagation;
  make('shared');
  expect(settled('/etc')).toBe('rprivate');
  expect(settled('/etc', 'rshared')).toBe('rshared');
  expect(settled(folder)).toBe('rslave');
  expect(settled(join(folder, 'data/containers'))).toBe('rslave');
  expect(settled(join(folder, 'data-other'))).toBe('rprivate');
  expect(settled(folder, 'rshared')).toBe('rshared');
  expect(() => settled(folder, 'rprivate')).toThrow('must use either propagation mode "rslave" or "rshared"');
  make('private');
  expect(settled(folder)).toBe('rprivate');
  expect(withPropagation(mount({ type: 'volume' }), '/').propagation).toBeUndefined();
});
