import { isErrno, RouteSocket, type NetworkNamespace } from '@berth/kernel';
import { toError } from '@berth/core';
import type { Explainer } from '../explain/index.js';
import { addressChange } from './address-change.js';
import { addressShow } from './address-show.js';
import { Arguments, matches } from './arguments.js';
import { IpFailure, kernelCall, notCovered, usage } from './failure.js';
import { ipHelp } from './help.js';
import { linkAdd, linkDelete, linkSet } from './link-change.js';
import { linkShow } from './link-show.js';
import { chosenNamespace } from './namespaces.js';
import { neighbourShow } from './neighbour-show.js';
import { netns } from './netns.js';
import { parseOptions, type Options } from './options.js';
import { routeChange } from './route-change.js';
import { routeGet, routeShow } from './route-show.js';
import { View } from './view.js';

/** iproute2's objects, in the order in which a shortened word is looked for; `undefined`: not here. */
const objects: readonly (readonly [name: string, covered?: ObjectName])[] = [
  ['address', 'address'],
  ['addrlabel'],
  ['maddress'],
  ['route', 'route'],
  ['rule'],
  ['neighbor', 'neighbour'],
  ['neighbour', 'neighbour'],
  ['ntable'],
  ['ntbl'],
  ['link', 'link'],
  ['l2tp'],
  ['fou'],
  ['ila'],
  ['macsec'],
  ['tunnel'],
  ['tunl'],
  ['tuntap'],
  ['tap'],
  ['token'],
  ['tcpmetrics'],
  ['monitor'],
  ['xfrm'],
  ['mroute'],
  ['mrule'],
  ['netns', 'netns'],
  ['netconf'],
  ['vrf'],
  ['sr'],
  ['nexthop'],
  ['mptcp'],
  ['ioam'],
  ['stats'],
];

type ObjectName = 'address' | 'route' | 'neighbour' | 'link' | 'netns';

/**
 * `berth ip …`, on the kernel alone.
 *
 * @returns the exit status: 0, or `ip`'s 1 (no such device), 2 (the kernel refused), 255 (malformed)
 */
export async function runIp(argv: readonly string[]): Promise<number> {
  try {
    return await run(argv);
  } catch (error) {
    if (error instanceof IpFailure) {
      process.stderr.write(`${error.message}\n`);
      return error.status;
    }
    process.stderr.write(`${toError(error).message}\n`);
    return 1;
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const { options, words } = parseOptions(argv);
  const args = new Arguments(words);
  const word = args.peek;
  if (word === undefined || word === 'help') {
    (word === undefined ? process.stderr : process.stdout).write(ipHelp);
    return word === undefined ? 255 : 0;
  }
  if (word === '-V') {
    process.stdout.write("ip utility of berth, in iproute2 6.1's words\n");
    return 0;
  }
  args.take();
  const found = objects.find(([name]) => matches(word, name));
  if (found === undefined) throw new IpFailure(`Object "${word}" is unknown, try "ip help".`, 1);
  const [name, covered] = found;
  if (covered === undefined) throw notCovered(`the object "${name}"`);
  using namespace = await chosenNamespace(options);
  using socket = openSocket(namespace, options);
  if (covered === 'netns') return await netns(args, { socket, namespace, options });
  if (args.peek === 'help') {
    process.stderr.write(ipHelp);
    return 0;
  }
  const explainer = options.explain ? await explainerFor(socket) : undefined;
  const view = kernelCall(() => new View(socket, options, explainer));
  perform(covered, args, socket, view);
  return 0;
}

/** Entering a namespace needs root rights; looking at one's own does not. */
function openSocket(namespace: NetworkNamespace, { namespace: name, container }: Options): RouteSocket {
  const chosen = name ?? container;
  if (chosen === undefined) return RouteSocket.open();
  try {
    return RouteSocket.open(namespace);
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error;
    throw usage(
      `setting the network namespace "${chosen}" failed: Operation not permitted (this needs root rights)`,
    );
  }
}

async function explainerFor(socket: RouteSocket): Promise<Explainer> {
  const { openExplainer } = await import('../explain/index.js');
  return openExplainer(socket);
}

/** A verb's words, in the order in which a shortened one is looked for. */
type Verbs = readonly (readonly [readonly string[], Action | undefined])[];
type Action = (args: Arguments, socket: RouteSocket, view: View) => string | undefined;

const listing = ['show', 'lst', 'list'];
const quietly =
  (change: (args: Arguments, socket: RouteSocket, view: View) => void): Action =>
  (args, socket, view) => {
    change(args, socket, view);
    return undefined;
  };

const verbs: Readonly<Record<Exclude<ObjectName, 'netns'>, { show: Action; verbs: Verbs }>> = {
  link: {
    show: showLinks,
    verbs: [
      [['add'], quietly(linkAdd)],
      [['set', 'change'], quietly(linkSet)],
      [['replace'], undefined],
      [['delete'], quietly(linkDelete)],
      [listing, showLinks],
      [['xstats', 'afstats', 'property'], undefined],
    ],
  },
  address: {
    show: showAddresses,
    verbs: [
      [['add'], quietly((args, socket, view) => addressChange('add', args, socket, view))],
      [['change', 'chg', 'replace'], undefined],
      [['delete'], quietly((args, socket, view) => addressChange('delete', args, socket, view))],
      [listing, showAddresses],
      [['flush', 'save', 'showdump', 'restore'], undefined],
    ],
  },
  route: {
    show: routeShow,
    verbs: [
      [listing, routeShow],
      [['get'], getRoute],
      [['add'], quietly((args, socket, view) => routeChange('add', args, socket, view))],
      [['change', 'chg', 'replace', 'prepend', 'append', 'test'], undefined],
      [['delete'], quietly((args, socket, view) => routeChange('delete', args, socket, view))],
      [['flush', 'save', 'restore', 'showdump'], undefined],
    ],
  },
  neighbour: {
    show: neighbourShow,
    verbs: [
      [['add', 'change', 'chg', 'replace', 'delete', 'get'], undefined],
      [listing, neighbourShow],
      [['flush'], undefined],
    ],
  },
};

function showLinks(args: Arguments, _socket: RouteSocket, view: View): string {
  return linkShow(args, view);
}

function showAddresses(args: Arguments, socket: RouteSocket, view: View): string {
  const addresses = kernelCall(() => socket.addresses());
  return addressShow(args, addresses, view);
}

function getRoute(args: Arguments, socket: RouteSocket, view: View): string {
  const { text, warning } = routeGet(args, socket, view);
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  return text;
}

function perform(name: Exclude<ObjectName, 'netns'>, args: Arguments, socket: RouteSocket, view: View): void {
  const word = args.peek;
  const called = name === 'neighbour' ? 'neigh' : name;
  const { show, verbs: known } = verbs[name];
  const entry = word === undefined ? undefined : known.find(([words]) => matches(word, ...words));
  if (word !== undefined && entry === undefined) {
    throw usage(`Command "${word}" is unknown, try "ip ${called} help".`);
  }
  const action = word === undefined ? show : entry?.[1];
  if (action === undefined) {
    const whole = entry?.[0].find((candidate) => matches(word ?? '', candidate)) ?? '';
    throw notCovered(`"${called} ${whole}"`);
  }
  if (word !== undefined) args.take();
  const shows = action === show;
  if (view.explainer !== undefined && (!shows || name === 'neighbour')) {
    throw usage('--explain goes with link show, address show and route show.');
  }
  const text = action(args, socket, view);
  if (text !== undefined) process.stdout.write(text);
}
