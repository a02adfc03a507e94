import type { PathStat } from '@berth/engine';

/** Bits of Go's fs.FileMode, which is how the Engine API tells kinds of files. */
const GO_MODE = {
  directory: 0x80000000,
  symlink: 0x08000000,
  device: 0x04000000,
  fifo: 0x02000000,
  socket: 0x01000000,
  setUid: 0x00800000,
  setGid: 0x00400000,
  characterDevice: 0x00200000,
  sticky: 0x00100000,
} as const;

/** The value of the header `X-Docker-Container-Path-Stat`. */
export function pathStatHeader({ name, stats, linkTarget }: PathStat): string {
  const stat = {
    name,
    size: stats.size,
    mode: goMode(stats),
    mtime: stats.mtime.toISOString().replace(/\.?0*Z$/, 'Z'),
    linkTarget,
  };
  return Buffer.from(JSON.stringify(stat)).toString('base64');
}

function goMode(stats: PathStat['stats']): number {
  const kinds = [
    [stats.isDirectory(), GO_MODE.directory],
    [stats.isSymbolicLink(), GO_MODE.symlink],
    [stats.isBlockDevice() || stats.isCharacterDevice(), GO_MODE.device],
    [stats.isCharacterDevice(), GO_MODE.characterDevice],
    [stats.isFIFO(), GO_MODE.fifo],
    [stats.isSocket(), GO_MODE.socket],
    // inode(7): the bits above the permissions.
    [(stats.mode & 0o4000) !== 0, GO_MODE.setUid],
    [(stats.mode & 0o2000) !== 0, GO_MODE.setGid],
    [(stats.mode & 0o1000) !== 0, GO_MODE.sticky],
  ] as const;
  return kinds.reduce((sum, [is, bit]) => (is ? sum + bit : sum), stats.mode & 0o777);
}
