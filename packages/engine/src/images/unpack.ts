import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { BerthError, isBerthError, toError } from '@berth/core';
import { extract, type Extract } from 'tar-stream';
import { ArchivePaths } from './archive-paths.js';

export interface UnpackedLayer {
  /** `sha256:…` of the uncompressed tar. */
  readonly diffId: string;
  /** Bytes of all files. */
  readonly size: number;
}

/**
 * Unpacks a plain tar into `target`. The archive is written to `spool` first, while every header is checked; nothing
 * is unpacked unless all of them stay inside the root. GNU tar then unpacks it, since it keeps what Node cannot set:
 * devices, extended attributes, times of symbolic links.
 *
 * @throws BerthError `invalid` for what is no tar, is cut short, or leaves its root
 */
export async function unpack(source: Readable, spool: string, target: string): Promise<UnpackedLayer> {
  const checked = await spoolAndCheck(source, spool);
  await mkdir(target, { mode: 0o755 });
  await gnuTar(spool, target);
  return checked;
}

async function spoolAndCheck(source: Readable, spool: string): Promise<UnpackedLayer> {
  const hash = createHash('sha256');
  const parser = extract();
  const file = createWriteStream(spool, { flags: 'wx', mode: 0o600 });
  const checked = checkEntries(parser);
  // Its failure is thrown below; until somebody waits for it, it is no unhandled one.
  checked.catch(() => undefined);
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (!file.write(chunk)) await once(file, 'drain');
      if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), checked]);
    }
    parser.end(null);
    const { entries, size } = await checked;
    if (entries === 0) throw new BerthError('invalid', 'the archive is empty: it holds no entry of a tar');
    return { diffId: `sha256:${hash.digest('hex')}`, size };
  } catch (error) {
    throw asArchiveError(toError(error));
  } finally {
    file.end();
    await finished(file);
  }
}

/** Checks each header as it comes. A failure ends the parser. */
async function checkEntries(parser: Extract): Promise<{ entries: number; size: number }> {
  const paths = new ArchivePaths();
  let entries = 0;
  let size = 0;
  for await (const entry of parser) {
    const { header } = entry;
    paths.check(header);
    entries += 1;
    if (header.type === 'file' || header.type === 'contiguous-file') size += header.size;
    entry.resume();
  }
  return { entries, size };
}

function asArchiveError(error: Error): BerthError {
  if (isBerthError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const cut = /unexpected (end|EOF)/i.test(error.message) || code === 'Z_BUF_ERROR';
  const message = cut
    ? `the archive is cut short: ${error.message}`
    : `the archive is no tar, or is damaged: ${error.message}`;
  return new BerthError('invalid', message, { cause: error });
}

async function gnuTar(archive: string, target: string): Promise<void> {
  const keep = [
    '--numeric-owner',
    '--same-owner',
    '--preserve-permissions',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
  ];
  const child = spawn('tar', ['--extract', `--file=${archive}`, `--directory=${target}`, ...keep], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  let complaint = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4096)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code === 0) return;
  throw new BerthError('invalid', `the archive cannot be unpacked: ${complaint.trim()}`);
}
