import { lstatSync, readdirSync, statSync } from 'node:fs';
import { errnoText, NETNS_DIRECTORY, NetworkNamespace, type RouteSocket } from '@berth/kernel';
import { runProgram } from '../nsexec/program.js';
import type { Arguments } from './arguments.js';
import { matches } from './arguments.js';
import { IpFailure, notCovered, usage } from './failure.js';
import { object, renderJson } from './layout.js';
import { openNamespace, reasonOf } from './namespaces.js';
import type { Options } from './options.js';
import { namespaceIdOf, namespaceNames } from './view.js';

const LONGEST_FILE_NAME = 255;

interface Surroundings {
  readonly socket: RouteSocket;
  /** The namespace that the command is about. */
  readonly namespace: NetworkNamespace;
  readonly options: Options;
}

/** `ip netns …`: the exit status. */
export async function netns(args: Arguments, around: Surroundings): Promise<number> {
  if (!args.more) return list(around);
  const verb = args.take();
  if (matches(verb, 'list', 'show', 'lst')) return list(around);
  if (verb === 'help') return netnsHelp();
  if (matches(verb, 'add')) return add(nameFrom(args));
  if (matches(verb, 'set')) throw notCovered('"netns set"');
  if (matches(verb, 'delete')) return remove(args);
  if (matches(verb, 'identify')) return identify(args, around.namespace);
  if (matches(verb, 'pids')) return pids(nameFrom(args));
  if (matches(verb, 'exec')) return exec(args);
  for (const other of ['list-id', 'monitor', 'attach']) {
    if (matches(verb, other)) throw notCovered(`"netns ${other}"`);
  }
  throw usage(`Command "${verb}" is unknown, try "ip netns help".`);
}

function netnsHelp(): number {
  process.stderr.write(
    [
      'Usage: ip netns list',
      '       ip netns add NAME',
      '       ip netns delete NAME',
      '       ip netns identify [PID]',
      '       ip netns pids NAME',
      '       ip netns exec NAME CMD ...',
      'exec enters the network namespace alone: /sys and /etc stay those of the caller, where iproute2 mounts',
      'a /sys of the namespace and the files of /etc/netns/NAME.',
      '',
    ].join('\n'),
  );
  return 0;
}

function nameFrom(args: Arguments): string {
  if (!args.more) throw new IpFailure('No netns name specified', 1);
  const name = args.take();
  const reserved = name === '' || name === '.' || name === '..';
  if (reserved || name.includes('/') || Buffer.byteLength(name) > LONGEST_FILE_NAME) {
    throw usage(`Invalid netns name "${name}"`);
  }
  return name;
}

function list({ socket, options }: Surroundings): number {
  const entries = namespaceNames().map((name) => ({ name, id: namespaceIdOf(socket, name) }));
  if (options.json) {
    const objects = entries.map(({ name, id }) => object(id === undefined ? [['name', name]] : [['name', name], ['id', id]])); // prettier-ignore
    // An empty directory prints nothing at all, as with iproute2.
    if (entries.length > 0) process.stdout.write(renderJson(objects, options.pretty));
    return 0;
  }
  process.stdout.write(
    entries.map(({ name, id }) => `${name}${id === undefined ? '' : ` (id: ${id})`}\n`).join(''),
  );
  return 0;
}

function add(name: string): number {
  const path = `${NETNS_DIRECTORY}/${name}`;
  try {
    NetworkNamespace.create(path).close();
  } catch (error) {
    throw new IpFailure(`Cannot create namespace file "${path}": ${reasonOf(error)}`, 1);
  }
  return 0;
}

function remove(args: Arguments): number {
  const path = `${NETNS_DIRECTORY}/${nameFrom(args)}`;
  try {
    lstatSync(path);
    NetworkNamespace.remove(path);
  } catch (error) {
    throw new IpFailure(`Cannot remove namespace file "${path}": ${reasonOf(error)}`, 1);
  }
  return 0;
}

function sameFile(a: { dev: bigint; ino: bigint }, b: { dev: bigint; ino: bigint }): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function fileOf(path: string): { dev: bigint; ino: bigint } | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

/** @throws IpFailure where there is none, or it can't be looked at */
function namespaceFile(path: string): { dev: bigint; ino: bigint } {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    throw new IpFailure(`Cannot open network namespace: ${reasonOf(error)}`, 1);
  }
}

function identify(args: Arguments, namespace: NetworkNamespace): number {
  const pid = args.more ? args.take() : undefined;
  if (pid !== undefined && !/^\d+$/.test(pid))
    throw new IpFailure(`Specified string '${pid}' is not a pid`, 1);
  const own = namespaceFile(pid === undefined ? `/proc/self/fd/${namespace.fd}` : `/proc/${pid}/ns/net`);
  for (const name of namespaceNames()) {
    const file = fileOf(`${NETNS_DIRECTORY}/${name}`);
    if (file !== undefined && sameFile(own, file)) process.stdout.write(`${name}\n`);
  }
  return 0;
}

function pids(name: string): number {
  const file = namespaceFile(`${NETNS_DIRECTORY}/${name}`);
  for (const pid of processesIn(file)) process.stdout.write(`${pid}\n`);
  return 0;
}

/** The processes whose network namespace is this file's, in the order of /proc. */
export function processesIn(file: { dev: bigint; ino: bigint }): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const own = fileOf(`/proc/${pid}/ns/net`);
        return own !== undefined && sameFile(own, file);
      } catch {
        // It ended meanwhile, or it is another user's.
        return false;
      }
    })
    .map(Number)
    .sort((a, b) => a - b);
}

async function exec(args: Arguments): Promise<number> {
  const name = nameFrom(args);
  const [command, ...rest] = args.rest();
  if (command === undefined) throw new IpFailure('No command specified', 1);
  using namespace = openNamespace(name);
  const outcome = await runProgram(namespace, command, rest);
  if ('status' in outcome) return outcome.status;
  throw new IpFailure(`exec of "${command}" failed: ${errnoText(outcome.errno)}`, 1);
}
