import {
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceParts, makeNode, readAttributes, RootDirectory, setAttribute } from './index.js';

let folder: string;
let root: RootDirectory;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-root-'));
  mkdirSync(join(folder, 'root/etc'), { recursive: true });
  writeFileSync(join(folder, 'root/etc/passwd'), 'inside');
  writeFileSync(join(folder, 'secret'), 'outside');
  root = RootDirectory.at(join(folder, 'root'));
});
afterEach(() => {
  root.close();
  rmSync(folder, { recursive: true });
});

const read = (path: string): string => {
  using found = root.find(Buffer.from(path));
  return readFileSync(found.path, 'utf8');
};

describe('a root directory', () => {
  it('is the root of absolute paths and links, and the end of ..', () => {
    symlinkSync('/etc/passwd', join(folder, 'root/absolute'));
    symlinkSync('../../../../etc/passwd', join(folder, 'root/climbing'));
    symlinkSync(join(folder, 'secret'), join(folder, 'root/leak'));
    symlinkSync('/proc/self/root', join(folder, 'root/magic'));
    for (const path of ['/etc/passwd', 'etc/passwd', '../../etc/passwd', '/absolute', 'climbing'])
      expect(read(path)).toBe('inside');
    expect(() => read('leak')).toThrow(/No such file/);
    expect(() => read('magic')).toThrow(/No such file/);
  });

  it('finds a link itself when told not to follow it', () => {
    symlinkSync('etc', join(folder, 'root/link'));
    using found = root.find(Buffer.from('/link'), { follow: false });
    expect(fstatSync(found.fd).isSymbolicLink()).toBe(true);
    expect(() => root.find(Buffer.from('/etc/passwd'), { directory: true })).toThrow(/Not a directory/);
    expect(() => root.find(Buffer.from('etc\0/passwd'))).toThrow(/Invalid argument/);
  });

  it('leaves no descriptor', () => {
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    for (let time = 0; time < 20; time += 1) read('/etc/passwd');
    expect(count()).toBe(before);
  });
});

it('attributes are read and set, bytes and all', () => {
  const path = Buffer.from(join(folder, 'secret'));
  const value = Buffer.from([0, 0xff, 0x80, 1]);
  setAttribute(path, 'user.berth', value);
  setAttribute(path, 'user.long', Buffer.alloc(1000, 'x'));
  const found = readAttributes(path);
  expect(found.get('user.berth')).toEqual(value);
  expect(found.get('user.long')?.length).toBe(1000);
  expect(readAttributes(Buffer.from('/proc/self/status')).size).toBe(0);
});

it('nodes are made with both numbers', () => {
  makeNode(Buffer.from(join(folder, 'fifo')), 'fifo', 0o600);
  expect(lstatSync(join(folder, 'fifo')).isFIFO()).toBe(true);
  makeNode(Buffer.from(join(folder, 'disk')), 'block-device', 0o600, { major: 259, minor: 70_000 });
  const { rdev } = statSync(join(folder, 'disk'), { bigint: true });
  expect(deviceParts(rdev)).toEqual({ major: 259, minor: 70_000 });
});
