import { lstat, readdir } from 'node:fs/promises';

/**
 * What a folder's files take on the disk, in bytes; a file with several names counts once. What vanishes meanwhile, or
 * cannot be read, counts nothing, and what is mounted below is not looked into.
 */
export async function diskUsage(path: string): Promise<number> {
  const seen = new Set<number>();
  const top = Buffer.from(path);
  const { dev } = await lstat(top).catch(() => ({ dev: undefined }));
  const usage = async (entry: Buffer): Promise<number> => {
    const stats = await lstat(entry).catch(() => undefined);
    if (stats === undefined || stats.dev !== dev || seen.has(stats.ino)) return 0;
    if (stats.nlink > 1) seen.add(stats.ino);
    if (!stats.isDirectory()) return stats.size;
    let sum = 0;
    const names = await readdir(entry, { encoding: 'buffer' }).catch(() => []);
    for (const name of names) sum += await usage(Buffer.concat([entry, Buffer.from('/'), name]));
    return sum;
  };
  return usage(top);
}
