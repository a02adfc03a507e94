import {
  linkRequests,
  NetworkNamespace,
  type NewLink,
  type RouteRequest,
  type RouteSocket,
} from '@berth/kernel';
import type { Arguments } from './arguments.js';
import { garbage, matches, wholeNumber } from './arguments.js';
import { IpFailure, kernelCall, notCovered, usage, wrongArgument, wrongValue } from './failure.js';
import { numberOf } from './names.js';
import { targetNamespace } from './namespaces.js';
import type { View } from './view.js';

/** `IFNAMSIZ` of linux/if.h, without the byte that ends it. */
const LONGEST_NAME = 15;

/** What the words of a link command ask for. */
interface LinkWords {
  /** The interface that is meant (`dev`, or the first bare word). */
  device?: string;
  /** `name`. */
  name?: string;
  up?: boolean;
  /** `null`: taken out of its bridge. */
  master?: string | null;
  namespace?: NetworkNamespace | number;
  address?: string;
  mtu?: number;
  alias?: string;
  group?: number;
  txQueueLength?: number;
  kind?: string;
}

/** Words that iproute2 has for links and this has not. */
const uncovered = new Set([
  'arp', 'dynamic', 'multicast', 'allmulticast', 'promisc', 'trailers', 'carrier', 'vf', 'xdp', 'xdpgeneric', 'xdpdrv',
  'xdpoffload', 'vrf', 'addrgenmode', 'protodown', 'link-netns', 'link-netnsid', 'gso_max_size', 'gso_max_segs',
  'gro_max_size', 'numtxqueues', 'numrxqueues', 'link', 'index', 'broadcast', 'brd', 'state', 'mode', 'nobroadcast',
]); // prettier-ignore

/** Takes the words up to a `type`'s own; what is not a keyword is the device's name. */
function takeLinkWords(args: Arguments, into: LinkWords): void {
  while (args.more) {
    const word = args.take();
    if (word === 'up') into.up = true;
    else if (word === 'down') into.up = false;
    else if (word === 'name') into.name = checkedName(args.take());
    else if (matches(word, 'address') && word.length > 1) into.address = linkAddress(args.take());
    else if (word === 'mtu') into.mtu = numberAfter(args, 'mtu');
    else if (word === 'netns') into.namespace = targetNamespace(args.take());
    else if (word === 'master') into.master = args.take();
    else if (word === 'nomaster') into.master = null;
    else if (word === 'alias') into.alias = args.take();
    else if (word === 'group') into.group = groupAfter(args);
    else if (['txqueuelen', 'qlen', 'txqlen'].includes(word))
      into.txQueueLength = numberAfter(args, 'txqueuelen');
    else if (word === 'type') {
      into.kind = args.take();
      return;
    } else if (uncovered.has(word)) throw notCovered(`"${word}" for links`);
    else {
      const name = word === 'dev' ? args.take() : word;
      if (into.device !== undefined) throw garbage('dev', name);
      into.device = name;
    }
  }
}

function checkedName(name: string): string {
  if (name === '' || Buffer.byteLength(name) > LONGEST_NAME || /[/\s]/.test(name)) {
    throw wrongArgument(name, '"name" not a valid ifname');
  }
  return name;
}

function numberAfter(args: Arguments, keyword: string): number {
  const text = args.take();
  const number = wholeNumber(text, 0x7fff_ffff);
  if (number === undefined) throw wrongValue(text, `Invalid "${keyword}" value`);
  return number;
}

function groupAfter(args: Arguments): number {
  const text = args.take();
  const group = numberOf('group', text);
  if (group === undefined) throw wrongValue(text, 'Invalid "group" value');
  return group;
}

function linkAddress(text: string): string {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text))
    throw new IpFailure(`"${text}" is invalid lladdr.`, 1);
  return text
    .split(':')
    .map((byte) => byte.padStart(2, '0').toLowerCase())
    .join(':');
}

function masterIndex(name: string, view: View): number {
  const master = view.named(name);
  if (master === undefined) throw wrongValue(name, 'Device does not exist');
  return master.index;
}

function descriptor(namespace: NetworkNamespace | number): { fd: number } | { pid: number } {
  return namespace instanceof NetworkNamespace ? { fd: namespace.fd } : { pid: namespace };
}

/** `ip link set …`. */
export function linkSet(args: Arguments, socket: RouteSocket, view: View): void {
  const words: LinkWords = {};
  takeLinkWords(args, words);
  if (words.kind !== undefined) throw notCovered(`"type ${words.kind}" for link set`);
  if (words.device === undefined) throw usage('Not enough information: "dev" argument is required.');
  const link = view.needed(words.device);
  const { name, up, master, namespace, address, mtu, alias, group, txQueueLength } = words;
  const masterNumber = master === undefined || master === null ? master : masterIndex(master, view);
  const request = linkRequests.set(
    { index: link.index },
    {
      ...(name === undefined ? {} : { name }),
      ...(up === undefined ? {} : { up }),
      ...(masterNumber === undefined ? {} : { master: masterNumber }),
      ...(namespace === undefined ? {} : { namespace: descriptor(namespace) }),
      ...(address === undefined ? {} : { address }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(alias === undefined ? {} : { alias }),
      ...(group === undefined ? {} : { group }),
      ...(txQueueLength === undefined ? {} : { txQueueLength }),
    },
  );
  runWith(socket, request, namespace);
}

/** `ip link add …`. */
export function linkAdd(args: Arguments, socket: RouteSocket, view: View): void {
  const words: LinkWords = {};
  takeLinkWords(args, words);
  if (words.kind === undefined) throw new IpFailure('Not enough information: "type" argument is required', 1);
  if (words.name !== undefined && words.device !== undefined) {
    throw usage('both "name" and "dev" cannot be used when creating devices.');
  }
  const name = words.name ?? words.device;
  const { up, master, namespace, address, mtu, alias, group, txQueueLength, kind } = words;
  const common = {
    ...(name === undefined ? {} : { name }),
    ...(up === undefined ? {} : { up }),
    ...(typeof master === 'string' ? { master: masterIndex(master, view) } : {}),
    ...(address === undefined ? {} : { address }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(group === undefined ? {} : { group }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...(namespace === undefined ? {} : { namespace: descriptor(namespace) }),
  };
  // The kernel does not take an alias with a new link (rtnl_create_link): `ip link set … alias` gives it one.
  if (alias !== undefined) throw notCovered('"alias" for link add (link set has it)');
  if (kind === 'veth') {
    const peer = peerWords(args);
    const request = linkRequests.addVeth({
      ...common,
      peer: {
        ...(peer.name === undefined ? {} : { name: peer.name }),
        ...(peer.namespace === undefined ? {} : { namespace: descriptor(peer.namespace) }),
        ...(peer.address === undefined ? {} : { address: peer.address }),
        ...(peer.mtu === undefined ? {} : { mtu: peer.mtu }),
        ...(peer.up === undefined ? {} : { up: peer.up }),
      },
    });
    runWith(socket, request, namespace, peer.namespace);
    return;
  }
  if (args.more) throw notCovered(`"${args.take()}" for links of type ${kind}`);
  if (kind === 'bridge') runWith(socket, linkRequests.addBridge(common), namespace);
  else if (kind === 'dummy') addDummy(socket, common, namespace);
  else throw notCovered(`links of type "${kind}" (it makes veth, bridge and dummy)`);
}

/** Not every kernel has dummies: what it then says does not say which type it means. */
function addDummy(
  socket: RouteSocket,
  dummy: NewLink,
  namespace: NetworkNamespace | number | undefined,
): void {
  try {
    runWith(socket, linkRequests.addDummy(dummy), namespace);
  } catch (error) {
    if (!(error instanceof IpFailure) || !error.message.includes('Unknown device type')) throw error;
    throw new IpFailure(`${error.message} This kernel has no "dummy" links (CONFIG_DUMMY).`, error.status);
  }
}

/** What follows `type veth`. */
function peerWords(args: Arguments): LinkWords {
  const peer: LinkWords = {};
  if (!args.more) return peer;
  const word = args.take();
  if (word !== 'peer') {
    throw new IpFailure(
      "Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'",
      1,
    );
  }
  takeLinkWords(args, peer);
  peer.name ??= peer.device;
  if (peer.kind !== undefined) throw garbage('type', peer.kind);
  return peer;
}

function runWith(
  socket: RouteSocket,
  request: RouteRequest,
  ...namespaces: (NetworkNamespace | number | undefined)[]
): void {
  try {
    kernelCall(() => socket.run(request));
  } finally {
    for (const namespace of namespaces) if (namespace instanceof NetworkNamespace) namespace.close();
  }
}

/** `ip link delete …`. */
export function linkDelete(args: Arguments, socket: RouteSocket, view: View): void {
  const words: LinkWords = {};
  takeLinkWords(args, words);
  const name = words.name ?? words.device;
  if (name === undefined) throw usage('Not enough information: "dev" argument is required.');
  const link = view.needed(name);
  kernelCall(() => socket.run(linkRequests.delete({ index: link.index })));
}
