import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { BerthError, isBerthError, toError } from '@berth/core';
import { extract, type Extract } from 'tar-stream';
import { ArchivePaths, type ArchiveKind } from './archive-paths.js';
import { applyWhiteouts, isMarker } from './whiteouts.js';

export interface UnpackedLayer {
  /** `sha256:…` of the uncompressed tar. */
  readonly diffId: string;
  /** Bytes of all files. */
  readonly size: number;
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number;
}

interface Checked extends UnpackedLayer {
  /** Entries that say what of the layers below is gone. */
  readonly markers: readonly string[];
  /** Names of all entries. */
  readonly names: readonly string[];
  /** Whether there are entries of kinds that only GNU tar knows. */
  readonly odd: boolean;
}

/**
 * Unpacks a plain tar into `target`. The archive is written to `spool` first, while every header is checked; nothing
 * is unpacked unless all of them stay inside the root. GNU tar then unpacks it, since it keeps what Node cannot set:
 * devices, extended attributes, times of symbolic links.
 *
 * @param kind `layer`: absolute names are meant from the root, and `.wh.` entries become marks of an overlay
 * @param expected the digest that it must have; told before anything is unpacked
 * @throws BerthError `invalid` for what is no tar, is cut short, leaves its root, or is another one
 */
export async function unpack(
  source: Readable,
  spool: string,
  target: string,
  { kind = 'root', expected }: { readonly kind?: ArchiveKind; readonly expected?: string | undefined } = {},
): Promise<UnpackedLayer> {
  const { markers, names, odd, ...layer } = await spoolAndCheck(source, spool, kind);
  if (expected !== undefined && layer.diffId !== expected) {
    throw new BerthError(
      'invalid',
      `layer ${expected} is damaged: what came has the digest ${layer.diffId}; nothing of it is used`,
      { subject: expected },
    );
  }
  if (odd) await compareNames(spool, names);
  await mkdir(target, { mode: 0o755 });
  // What an archive says of an overlay's own attributes could lead its folders elsewhere.
  await gnuTar(spool, target, kind === 'layer' ? ['--xattrs-exclude=trusted.overlay.*'] : []);
  if (kind === 'layer') await applyWhiteouts(target, markers);
  return layer;
}

async function spoolAndCheck(source: Readable, spool: string, kind: ArchiveKind): Promise<Checked> {
  const hash = createHash('sha256');
  const parser = extract();
  const file = createWriteStream(spool, { flags: 'wx', mode: 0o600 });
  const checked = checkEntries(parser, kind);
  // Its failure is thrown below; until somebody waits for it, it is no unhandled one.
  checked.catch(() => undefined);
  let tarSize = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      hash.update(chunk);
      tarSize += chunk.length;
      if (!file.write(chunk)) await once(file, 'drain');
      if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), checked]);
    }
    parser.end(null);
    const { size, markers, names, odd } = await checked;
    // A layer may be empty: one that an instruction without effect has made.
    if (names.length === 0 && (kind === 'root' || tarSize === 0))
      throw new BerthError('invalid', 'the archive is empty: it holds no entry of a tar');
    return { diffId: `sha256:${hash.digest('hex')}`, size, tarSize, markers, names, odd };
  } catch (error) {
    throw asArchiveError(toError(error));
  } finally {
    file.end();
    await finished(file);
  }
}

/** Checks each header as it comes. A failure ends the parser. */
async function checkEntries(parser: Extract, kind: ArchiveKind) {
  const paths = new ArchivePaths(kind);
  const markers: string[] = [];
  const names: string[] = [];
  let odd = false;
  let size = 0;
  for await (const entry of parser) {
    const { header } = entry;
    const path = paths.check(header);
    if (kind === 'layer' && isMarker(path)) markers.push(path);
    names.push(path);
    // The type says so, though its declaration does not: tar-stream leaves it empty for what it does not know.
    odd ||= (header.type as string | null | undefined) === null;
    if (header.type === 'file' || header.type === 'contiguous-file') size += header.size;
    entry.resume();
  }
  return { names, size, markers, odd };
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

/**
 * Some kinds of entries have more than their header tells (GNU tar manual, "Old GNU Format", sparse files): reading on
 * behind them, two programs may see different archives. What GNU tar would unpack must be what was checked.
 *
 * @throws BerthError `invalid`
 */
async function compareNames(archive: string, names: readonly string[]): Promise<void> {
  const list = await tar(['--list', '--quoting-style=literal', `--file=${archive}`], 'pipe');
  const plain = (name: string) =>
    name
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/');
  if (list.split('\n').map(plain).join('\n').trim() === names.join('\n').trim()) return;
  throw new BerthError(
    'invalid',
    'the archive is refused: it has entries of a kind that cannot be checked (sparse files of the old GNU format): ' +
      'make it with tar --format=posix',
  );
}

async function gnuTar(archive: string, target: string, more: readonly string[]): Promise<void> {
  const keep = [
    '--numeric-owner',
    '--same-owner',
    '--preserve-permissions',
    '--xattrs',
    '--xattrs-include=*',
    ...more,
    '--acls',
  ];
  await tar(['--extract', `--file=${archive}`, `--directory=${target}`, ...keep], 'ignore');
}

/** @returns what it wrote to its standard output, where that is `pipe` */
async function tar(args: readonly string[], output: 'pipe' | 'ignore'): Promise<string> {
  const child = spawn('tar', args, {
    stdio: ['ignore', output, 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  let complaint = '';
  const printed: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4096)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code === 0) return Buffer.concat(printed).toString('utf8');
  throw new BerthError('invalid', `the archive cannot be unpacked: ${complaint.trim()}`);
}
