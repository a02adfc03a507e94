import { createReadStream, createWriteStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect } from '../client/api-client.js';
import { printProgress } from '../client/json-stream.js';
import { print } from '../terminal/output.js';
import { Failure, collect, command, needOperands, parse } from './command.js';
import { splitReference } from './references.js';

/** `berth load` */
export async function load(argv: readonly string[]): Promise<number> {
  const parser = command('load', '[OPTIONS]', 'Read images from an archive')
    .option('-i, --input <file>', 'the archive; default: standard input')
    .option('-q, --quiet', 'tell less');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { input, quiet } = parser.opts<{ input?: string; quiet?: boolean }>();
  const upload = openInput(input);
  const stream = await connect().stream('POST', '/images/load', { query: { quiet: quiet ?? false }, upload });
  await printProgress(stream, print);
  return 0;
}

/** `berth save` */
export async function save(argv: readonly string[]): Promise<number> {
  const parser = command('save', '[OPTIONS] IMAGE [IMAGE...]', 'Write images to an archive').option(
    '-o, --output <file>',
    'the archive; default: standard output',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const names = operands.map((name) => `names=${encodeURIComponent(name)}`).join('&');
  const stream = await connect().stream('GET', `/images/get?${names}`);
  await toOutput(stream, parser.opts<{ output?: string }>().output);
  return 0;
}

/** `berth export` */
export async function exportContainer(argv: readonly string[]): Promise<number> {
  const parser = command(
    'export',
    '[OPTIONS] CONTAINER',
    "Write a container's file system to an archive",
  ).option('-o, --output <file>', 'the archive; default: standard output');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const stream = await connect().stream('GET', `/containers/${encodeURIComponent(operands[0] ?? '')}/export`);
  await toOutput(stream, parser.opts<{ output?: string }>().output);
  return 0;
}

/** `berth commit` */
export async function commit(argv: readonly string[]): Promise<number> {
  const parser = command('commit', '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]', 'Make an image of a container')
    .option('-a, --author <name>', 'who has made it')
    .option('-c, --change <instruction>', 'an instruction of a Dockerfile', collect)
    .option('-m, --message <text>', 'a note about it')
    .option('-p, --pause [on]', 'hold the container meanwhile (default true)');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 2);
  const [container = '', reference = ''] = operands;
  const { author, change, message, pause } = parser.opts<{
    author?: string;
    change?: string[];
    message?: string;
    pause?: string | boolean;
  }>();
  const { repo, tag } = splitReference(reference);
  const search = new URLSearchParams({ container, repo });
  if (tag !== undefined) search.set('tag', tag);
  if (author !== undefined) search.set('author', author);
  if (message !== undefined) search.set('comment', message);
  if (pause !== undefined) search.set('pause', String(!['false', '0', false].includes(pause)));
  for (const instruction of change ?? []) search.append('changes', instruction);
  const { Id } = await connect().call<{ Id: string }>('POST', `/commit?${search.toString()}`, { body: {} });
  print(`${Id}\n`);
  return 0;
}

interface BuildOptions {
  readonly tag?: string[];
  readonly file?: string;
  readonly buildArg?: string[];
  readonly target?: string;
  readonly label?: string[];
  /** `--no-cache` makes it false. */
  readonly cache: boolean;
  readonly pull?: boolean;
  readonly quiet?: boolean;
}

/** `berth build` */
export async function build(argv: readonly string[]): Promise<number> {
  const parser = command('build', '[OPTIONS] FOLDER|-', 'Build an image from a Dockerfile')
    .option('-t, --tag <name>', 'NAME[:TAG]', collect)
    .option('-f, --file <path>', 'the Dockerfile, within the folder')
    .option('--build-arg <argument>', 'NAME=VALUE', collect)
    .option('--label <label>', 'NAME=VALUE', collect)
    .option('--target <stage>', 'stop at that stage')
    .option('--no-cache', 'use nothing of earlier builds')
    .option('--pull', 'fetch base images anew')
    .option('-q, --quiet', 'print the id alone');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const [context = ''] = operands;
  const options = parser.opts<BuildOptions>();
  const search = new URLSearchParams();
  for (const tag of options.tag ?? []) search.append('t', tag);
  if (options.file !== undefined) search.set('dockerfile', options.file);
  if (options.target !== undefined) search.set('target', options.target);
  if (options.buildArg !== undefined) search.set('buildargs', JSON.stringify(assignments(options.buildArg)));
  if (options.label !== undefined) search.set('labels', JSON.stringify(assignments(options.label)));
  if (!options.cache) search.set('nocache', '1');
  if (options.pull === true) search.set('pull', '1');
  const { contextOf } = await import('./build-context.js');
  const upload = context === '-' ? process.stdin : contextOf(context);
  const stream = await connect().stream('POST', `/build?${search.toString()}`, { upload });
  const aux = await printProgress(stream, options.quiet === true ? () => undefined : print);
  if (options.quiet === true) print(`${aux?.ID ?? ''}\n`);
  return 0;
}

function assignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      return [name, value ?? process.env[name] ?? ''] as const;
    }),
  );
}

/** @throws Failure for a file that is not there */
function openInput(path: string | undefined): Readable {
  if (path === undefined) {
    if (process.stdin.isTTY) throw new Failure('requested load from stdin, but stdin is empty');
    return process.stdin;
  }
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new Failure(`open ${path}: no such file or directory`);
  return createReadStream(path);
}

/** @throws Failure where it would go to a terminal */
async function toOutput(stream: Readable, path: string | undefined): Promise<void> {
  if (path === undefined && process.stdout.isTTY)
    throw new Failure('cowardly refusing to save to a terminal. Use the -o flag or redirect');
  await pipeline(stream, path === undefined ? process.stdout : createWriteStream(path));
}
