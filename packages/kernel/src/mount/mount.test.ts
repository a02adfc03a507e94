import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bindMount, mount, mounts, overlayOptions, parseMountInfo, unmount } from './index.js';

let directory: string;
const mountPoints = (): string[] =>
  mounts()
    .map(({ mountPoint }) => mountPoint)
    .filter((path) => path.startsWith(directory));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-mount-'));
});

afterEach(() => {
  for (const path of mountPoints().reverse()) unmount(path, { detach: true });
  rmSync(directory, { recursive: true });
});

const folder = (name: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
};

describe('mountinfo', () => {
  it('reads a line with optional fields and escapes', () => {
    expect(
      parseMountInfo(
        String.raw`36 35 98:0 /a\040b /mnt/c\134d\011e rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue`,
      ),
    ).toEqual({
      id: 36,
      parentId: 35,
      root: '/a b',
      mountPoint: '/mnt/c\\d\te',
      options: ['rw', 'noatime'],
      propagation: ['master:1', 'shared:7'],
      type: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    });
  });

  it('agrees with findmnt on every mount of this process', () => {
    const target = folder('awkward name\\ – with	everything');
    mount({ source: 'berth-test', target, type: 'tmpfs', flags: ['noSuid'], data: 'size=64k' });
    // One snapshot for both: other tests mount and unmount meanwhile.
    const snapshot = join(directory, 'mountinfo');
    writeFileSync(snapshot, readFileSync('/proc/self/mountinfo'));
    const { filesystems } = JSON.parse(
      execFileSync('findmnt', ['--tab-file', snapshot, '--list', '--json', '-o', 'ID,TARGET,FSTYPE'], {
        encoding: 'utf8',
      }),
    ) as { filesystems: { id: number; target: string; fstype: string }[] };
    expect(
      mounts(snapshot).map(({ id, mountPoint, type }) => ({ id, target: mountPoint, fstype: type })),
    ).toEqual(filesystems.map(({ id, target, fstype }) => ({ id, target, fstype })));
    const mine = mounts().find(({ mountPoint }) => mountPoint === target);
    expect(mine).toMatchObject({ source: 'berth-test', type: 'tmpfs' });
    expect(mine?.options).toContain('nosuid');
    expect(mine?.superOptions).toContain('size=64k');
  });
});

describe('mounts', () => {
  it('show a folder at a second place, read-only where asked for', () => {
    const source = folder('source');
    const target = folder('target');
    writeFileSync(join(source, 'file'), 'seen');
    bindMount(source, target, { readOnly: true });
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('seen');
    expect(() => writeFileSync(join(target, 'file'), '')).toThrow(/EROFS/);
    writeFileSync(join(source, 'file'), 'still writable here');
    unmount(target);
    expect(mountPoints()).toEqual([]);
  });

  it('name the target when they are refused, and leave nothing', () => {
    const target = join(directory, 'nowhere');
    expect(() => bindMount(directory, target)).toThrow(`mount ${target}: No such file or directory`);
    expect(() => unmount(directory)).toThrow(`unmount ${directory}: Invalid argument`);
    expect(mountPoints()).toEqual([]);
  });

  it('join layers by overlay, whatever their names hold', () => {
    const lower = [folder('upper layer, one:1'), folder('lower\\layer:2')];
    lower.forEach((path, index) => {
      writeFileSync(join(path, `only-${index}`), '');
      writeFileSync(join(path, 'both'), `layer ${index}`);
    });
    // The upper folders must not lie on an overlay themselves.
    const scratch = folder('scratch');
    mount({ source: 'berth-test', target: scratch, type: 'tmpfs' });
    const upper = join(scratch, 'up,per:');
    const work = join(scratch, 'work');
    const merged = folder('merged');
    mkdirSync(upper);
    mkdirSync(work);
    mount({
      source: 'overlay',
      target: merged,
      type: 'overlay',
      data: overlayOptions({ lower, upper, work }),
    });
    expect(readFileSync(join(merged, 'both'), 'utf8')).toBe('layer 0');
    expect(readFileSync(join(merged, 'only-1'), 'utf8')).toBe('');
    writeFileSync(join(merged, 'new'), 'written');
    expect(readFileSync(join(upper, 'new'), 'utf8')).toBe('written');
    unmount(merged);
  });
});
