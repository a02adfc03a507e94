import { createWriteStream, existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { connect, type ApiClient } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import { Failure, command, needOperands, parse } from './command.js';
import { archiveOf } from './local-tree.js';

/** `CONTAINER:PATH`, or a path of this machine. */
interface Place {
  readonly container?: string;
  readonly path: string;
}

interface PathStat {
  readonly name: string;
  /** Go's os.FileMode: the highest bit is that of a folder. */
  readonly mode: number;
  readonly linkTarget: string;
}

const GO_FOLDER = 2 ** 31;

/** `berth cp` */
export async function cp(argv: readonly string[]): Promise<number> {
  const parser = command(
    'cp',
    '[OPTIONS] CONTAINER:PATH PATH|- | PATH|- CONTAINER:PATH',
    'Copy files between a container and this machine',
  )
    .option('-a, --archive', 'with owner and group')
    .option('-q, --quiet', 'tell nothing')
    .option('-L, --follow-link', 'what a link of the source leads to');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [source, target] = operands.map(placeOf);
  if (source === undefined || target === undefined) return 1;
  const { archive } = parser.opts<{ archive?: boolean }>();
  if (source.container !== undefined && target.container !== undefined)
    throw new Failure('copying between containers is not supported');
  const api = connect();
  if (source.container !== undefined) await fromContainer(api, source.container, source.path, target.path);
  else if (target.container !== undefined)
    await toContainer(api, source.path, target.container, target.path, archive ?? false);
  else throw new Failure('must specify at least one container source');
  return 0;
}

function placeOf(word: string): Place {
  const [, container = '', path = ''] = /^([^/.:][^/:]*):(.*)$/s.exec(word) ?? [];
  return container === '' ? { path: word } : { container, path };
}

function archivePath(container: string): string {
  return `/containers/${encodeURIComponent(container)}/archive`;
}

async function fromContainer(api: ApiClient, container: string, path: string, target: string): Promise<void> {
  const stream = await api.stream('GET', archivePath(container), { query: { path } });
  if (target === '-') {
    await pipeline(stream, process.stdout);
    return;
  }
  const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder && !existsSync(dirname(resolve(target))))
    throw new Failure(`invalid output path: directory "${dirname(resolve(target))}" does not exist`);
  // The archive has one name on top: that of the source. Docker's rule: into a folder that is there, else by the new name.
  const contents = /(^|\/)\.$/.test(path);
  await unpack(stream, isFolder ? target : dirname(resolve(target)), (name) => {
    const [, ...rest] = name.split('/');
    if (contents && isFolder) return rest.join('/');
    return isFolder ? name : [basename(resolve(target)), ...rest].join('/');
  });
}

async function unpack(stream: Readable, folder: string, rename: (name: string) => string): Promise<void> {
  const reader = extract();
  const done = pipeline(stream, reader);
  for await (const entry of reader) {
    const name = rename(entry.header.name.replace(/\/$/, ''));
    const path = join(folder, name);
    // What a container says may not lead elsewhere.
    if (name.split('/').includes('..') || name.startsWith('/'))
      throw new Failure(`the container's archive has a path that leads out of the target: ${name}`);
    await write(Readable.from(entry), entry.header, path, folder);
    entry.resume();
  }
  await done;
}

async function write(entry: Readable, header: Header, path: string, folder: string): Promise<void> {
  const { mode } = header;
  switch (header.type) {
    case 'directory':
      mkdirSync(path, { recursive: true, mode });
      return;
    case 'symlink':
      rmSync(path, { force: true });
      symlinkSync(header.linkname, path);
      return;
    case 'file':
      mkdirSync(dirname(path), { recursive: true });
      refuseLinks(path, folder);
      await pipeline(entry, createWriteStream(path, { mode }));
      return;
    case 'link':
    case 'block-device':
    case 'character-device':
    case 'fifo':
    case 'contiguous-file':
      // Devices, pipes and hard links of a container are none of this machine's.
      return;
  }
}

/** A link that an earlier entry has made may not catch a later one. */
function refuseLinks(path: string, folder: string): void {
  rmSync(path, { force: true });
  for (let parent = dirname(path); parent.length > folder.length; parent = dirname(parent)) {
    if (statSync(parent).isDirectory()) continue;
    throw new Failure(`${parent} is no folder`);
  }
}

async function toContainer(
  api: ApiClient,
  source: string,
  container: string,
  target: string,
  owners: boolean,
): Promise<void> {
  if (source === '-') {
    await upload(api, container, target, process.stdin, owners);
    return;
  }
  const local = statSync(source, { throwIfNoEntry: false });
  if (local === undefined) throw new Failure(`lstat ${resolve(source)}: no such file or directory`);
  const remote = await statOf(api, container, target);
  const intoFolder = (remote !== undefined && remote.mode >= GO_FOLDER) || target.endsWith('/');
  if (remote === undefined && target.endsWith('/') && !local.isDirectory())
    throw new Failure(`no such directory: ${target}`);
  const contents = /(^|\/)\.$/.test(source);
  const name = intoFolder ? (contents ? '' : basename(resolve(source))) : basename(target);
  const folder = intoFolder ? target : dirname(target) || '/';
  await upload(api, container, folder, archiveOf(resolve(source), name), owners);
}

function upload(
  api: ApiClient,
  container: string,
  path: string,
  archive: Readable,
  owners: boolean,
): Promise<unknown> {
  const query = { path, noOverwriteDirNonDir: true, copyUIDGID: owners ? true : undefined };
  return api.call('PUT', archivePath(container), { query, upload: archive });
}

async function statOf(api: ApiClient, container: string, path: string): Promise<PathStat | undefined> {
  try {
    const answer = await api.stream('HEAD', archivePath(container), { query: { path } });
    answer.resume();
    const header = String(answer.headers['x-docker-container-path-stat'] ?? '');
    return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}
