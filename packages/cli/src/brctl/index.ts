import { toError } from '@berth/core';
import { errnoText, isErrno, linkRequests, RouteSocket, type Link, type RouteRequest } from '@berth/kernel';
import { isUp } from '../ip/names.js';
import { bridgeList, forwardingList } from './format.js';

/** What `brctl` says to one that could not be done, with status 1. */
class BrctlFailure extends Error {}

interface Command {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly words: string;
  readonly does: string;
  readonly run: (socket: RouteSocket, args: readonly string[]) => number;
}

const commands: readonly Command[] = [
  { name: 'addbr', least: 1, most: 1, words: '<bridge>\t\t', does: 'add bridge', run: addBridge },
  { name: 'delbr', least: 1, most: 1, words: '<bridge>\t\t', does: 'delete bridge', run: deleteBridge },
  { name: 'addif', least: 2, most: Infinity, words: '<bridge> <device>\t', does: 'add interface to bridge', run: addPorts },
  { name: 'delif', least: 2, most: Infinity, words: '<bridge> <device>\t', does: 'delete interface from bridge', run: deletePorts },
  { name: 'show', least: 0, most: Infinity, words: '[ <bridge> ]\t\t', does: 'show a list of bridges', run: show },
  { name: 'showmacs', least: 1, most: 1, words: '<bridge>\t\t', does: 'show a list of mac addrs', run: showForwarding },
]; // prettier-ignore

/** Commands of bridge-utils that are not here. */
const uncovered = ['hairpin', 'setageing', 'setbridgeprio', 'setfd', 'sethello', 'setmaxage', 'setpathcost', 'setportprio', 'showstp', 'stp', 'stp']; // prettier-ignore

/** `berth brctl …`, in bridge-utils' words: the exit status, 0 or 1. */
// eslint-disable-next-line @typescript-eslint/require-await -- the entries of the command are alike
export async function runBrctl(argv: readonly string[]): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === '--help' || name === '-h') {
    (name === undefined ? process.stderr : process.stdout).write(help());
    return name === undefined ? 1 : 0;
  }
  if (uncovered.includes(name)) return refuse(`berth brctl does not have "${name}".\n${help()}`);
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) return refuse(`never heard of command [${name}]\n${help()}`);
  if (args.length < command.least || args.length > command.most) {
    // bridge-utils says this, alone of its refusals, on its standard output.
    process.stdout.write(
      `Incorrect number of arguments for command\nUsage: brctl ${name} ${command.words}${command.does}\n`,
    );
    return 1;
  }
  try {
    using socket = RouteSocket.open();
    return command.run(socket, args);
  } catch (error) {
    return refuse(toError(error).message);
  }
}

function help(): string {
  const lines = commands.map(({ name, words, does }) => `\t${name.padEnd(10)}\t${words}${does}\n`);
  return `Usage: brctl [commands]\ncommands:\n${lines.join('')}`;
}

function refuse(message: string): number {
  process.stderr.write(`${message.trimEnd()}\n`);
  return 1;
}

/** Runs a change; what the kernel refuses is put in words by `explain`, or else `context` and the errno's text. */
function change(
  socket: RouteSocket,
  request: RouteRequest,
  context: string,
  texts: Readonly<Record<string, string>> = {},
): void {
  try {
    socket.run(request);
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new BrctlFailure(texts[error.errno] ?? `${context}: ${errnoText(error.errno)}`, { cause: error });
  }
}

function addBridge(socket: RouteSocket, [name = '']: readonly string[]): number {
  change(socket, linkRequests.addBridge({ name }), 'add bridge failed', {
    EEXIST: `device ${name} already exists; can't create bridge with the same name`,
    ERANGE: `add bridge failed: ${name} is longer than the 15 bytes that the kernel allows`,
  });
  return 0;
}

function deleteBridge(socket: RouteSocket, [name = '']: readonly string[]): number {
  const link = socket.link(name);
  if (link === undefined) throw new BrctlFailure(`bridge ${name} doesn't exist; can't delete it`);
  if (link.kind !== 'bridge') throw new BrctlFailure(`can't delete bridge ${name}: ${errnoText('EPERM')}`);
  if (isUp(link.flags)) throw new BrctlFailure(`bridge ${name} is still up; can't delete it`);
  change(socket, linkRequests.delete({ index: link.index }), `can't delete bridge ${name}`);
  return 0;
}

/** The bridge that a port is to be added to or taken from. */
function bridge(socket: RouteSocket, name: string): Link {
  const link = socket.link(name);
  if (link === undefined) throw new BrctlFailure(`bridge ${name} does not exist!`);
  return link;
}

function port(socket: RouteSocket, name: string): Link {
  const link = socket.link(name);
  if (link === undefined) throw new BrctlFailure(`interface ${name} does not exist!`);
  return link;
}

function addPorts(socket: RouteSocket, [bridgeName = '', ...names]: readonly string[]): number {
  const target = bridge(socket, bridgeName);
  for (const name of names) {
    const link = port(socket, name);
    const context = `can't add ${name} to bridge ${bridgeName}`;
    if (target.kind !== 'bridge') throw new BrctlFailure(`${context}: ${errnoText('EOPNOTSUPP')}`);
    if (link.kind === 'bridge') {
      throw new BrctlFailure(
        `device ${name} is a bridge device itself; can't add a bridge device to a bridge device.`,
      );
    }
    // Through rtnetlink the kernel would move the port; brctl's ioctl refuses.
    if (link.master !== undefined) {
      throw new BrctlFailure(
        `device ${name} is already a member of a bridge; can't add it to bridge ${bridgeName}.`,
      );
    }
    change(socket, linkRequests.set({ index: link.index }, { master: target.index }), context);
  }
  return 0;
}

function deletePorts(socket: RouteSocket, [bridgeName = '', ...names]: readonly string[]): number {
  const target = bridge(socket, bridgeName);
  for (const name of names) {
    const link = port(socket, name);
    if (link.master !== target.index) throw new BrctlFailure(`device ${name} is not a port of ${bridgeName}`);
    change(
      socket,
      linkRequests.set({ index: link.index }, { master: null }),
      `can't delete ${name} from ${bridgeName}`,
    );
  }
  return 0;
}

function show(socket: RouteSocket, names: readonly string[]): number {
  const links = socket.links();
  const bridges: Link[] = [];
  let status = 0;
  for (const name of names) {
    const link = links.find((candidate) => candidate.name === name);
    if (link?.kind === 'bridge') bridges.push(link);
    else {
      process.stderr.write(
        link === undefined ? `bridge ${name} does not exist!\n` : `device ${name} is not a bridge!\n`,
      );
      status = 1;
    }
  }
  if (names.length > 0 && bridges.length === 0) return status;
  const shown = names.length > 0 ? bridges : links.filter((link) => link.kind === 'bridge').sort(byName);
  process.stdout.write(bridgeList(shown, links));
  return status;
}

function byName(a: Link, b: Link): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function showForwarding(socket: RouteSocket, [name = '']: readonly string[]): number {
  const link = socket.link(name);
  if (link?.kind !== 'bridge') {
    throw new BrctlFailure(
      `read of forward table failed: ${errnoText(link === undefined ? 'ENODEV' : 'EOPNOTSUPP')}`,
    );
  }
  process.stdout.write(forwardingList(link, socket.links(), socket.bridgeForwarding()));
  return 0;
}
