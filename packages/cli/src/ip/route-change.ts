import { routeRequests, type RouteSocket } from '@berth/kernel';
import type { Arguments } from './arguments.js';
import { garbage, matches, wholeNumber } from './arguments.js';
import { kernelCall, notCovered, usage, wrongValue } from './failure.js';
import { address, prefix, type Family, type Prefix } from './internet.js';
import { numberOf, routeTypeNumber } from './names.js';
import { tableNumber } from './route-show.js';
import type { View } from './view.js';

/** linux/rtnetlink.h: `RT_TABLE_*`, `RT_SCOPE_*`, `RTN_*`. */
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_ANYCAST = 4;
const RTN_MULTICAST = 5;
const RTN_NAT = 10;

interface RouteWords {
  type: number | undefined;
  destination?: Prefix;
  gateway?: string;
  device?: number;
  scope?: number;
  metric?: number;
  table?: number;
  protocol?: number;
  source?: string;
  mtu?: number;
  onLink: boolean;
}

/** Words that iproute2 has for routes and this has not. */
const uncovered = new Set([
  'nexthop', 'nhid', 'encap', 'tos', 'dsfield', 'realms', 'expires', 'advmss', 'reordering', 'rtt', 'rttvar', 'window',
  'cwnd', 'initcwnd', 'initrwnd', 'features', 'quickack', 'congctl', 'rto_min', 'hoplimit', 'ssthresh', 'pref', 'vrf',
  'equalize', 'pervasive', 'as', 'weight', 'ttl-propagate', 'fastopen_no_cookie', 'inet6', 'from',
]); // prettier-ignore

function parse(args: Arguments, view: View): { words: RouteWords; family: Family | undefined } {
  const words: RouteWords = { type: undefined, onLink: false };
  let family = view.options.family;
  let defaultWord = false;
  while (args.more) {
    const word = args.take();
    if (word === 'via') {
      if (args.peek === 'inet' || args.peek === 'inet6')
        throw notCovered('"via inet6": a gateway of another family');
      const gateway = address(args.take(), family);
      family ??= gateway.family;
      words.gateway = gateway.address;
    } else if (word === 'dev' || word === 'oif') words.device = view.needed(args.take()).index;
    else if (matches(word, 'src') && word.length > 1) {
      const source = address(args.take(), family);
      family ??= source.family;
      words.source = source.address;
    } else if (['metric', 'priority', 'preference'].includes(word))
      words.metric = number(args.take(), '"metric" value is invalid');
    else if (matches(word, 'scope') && word.length > 1)
      words.scope = named('rt_scopes', args.take(), 'invalid "scope" value');
    else if (matches(word, 'protocol') && word.length > 1) {
      words.protocol = named('rt_protos', args.take(), '"protocol" value is invalid');
    } else if (matches(word, 'table') && word.length > 1) words.table = tableNumber(args.take());
    else if (word === 'mtu') {
      if (args.peek === 'lock') throw notCovered('"mtu lock"');
      words.mtu = number(args.take(), '"mtu" value is invalid');
    } else if (word === 'onlink') words.onLink = true;
    else if (uncovered.has(word)) throw notCovered(`"${word}" for routes`);
    else {
      let text = word === 'to' ? args.take() : word;
      const type = words.destination === undefined && !defaultWord ? routeTypeNumber(text) : undefined;
      if (type !== undefined) {
        words.type = type;
        text = args.take();
      }
      if (words.destination !== undefined || defaultWord) throw garbage('to', text);
      if (['default', 'all', 'any'].includes(text)) defaultWord = true;
      else {
        words.destination = prefix(text, family);
        family ??= words.destination.family;
      }
    }
  }
  if (words.destination === undefined && !defaultWord) {
    throw usage(
      'Not enough information: a destination is needed: "default", or a network such as 10.0.0.0/8.',
    );
  }
  return { words, family };
}

function number(text: string, why: string): number {
  const value = wholeNumber(text);
  if (value === undefined) throw wrongValue(text, why);
  return value;
}

function named(file: 'rt_scopes' | 'rt_protos', text: string, why: string): number {
  const value = numberOf(file, text);
  if (value === undefined) throw wrongValue(text, why);
  return value;
}

/** Where nothing was said, how far away the destination is (ip-route(8), SCOPE_VAL). */
function scopeOf(words: RouteWords, verb: 'add' | 'delete', family: Family): number {
  if (words.scope !== undefined) return words.scope;
  const type = words.type ?? RTN_UNICAST;
  if (family === 'inet6') return RT_SCOPE_UNIVERSE;
  if (type === RTN_LOCAL || type === RTN_NAT) return RT_SCOPE_HOST;
  if (type === RTN_BROADCAST || type === RTN_MULTICAST || type === RTN_ANYCAST) return RT_SCOPE_LINK;
  if (type !== RTN_UNICAST) return verb === 'delete' ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
  if (verb === 'delete') return RT_SCOPE_NOWHERE;
  return words.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function tableOf(words: RouteWords): number {
  if (words.table !== undefined) return words.table;
  const local = [RTN_LOCAL, RTN_BROADCAST, RTN_NAT, RTN_ANYCAST];
  return words.type !== undefined && local.includes(words.type) ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
}

/** `ip route add …` and `ip route delete …`. */
export function routeChange(verb: 'add' | 'delete', args: Arguments, socket: RouteSocket, view: View): void {
  const { words, family = 'inet' } = parse(args, view);
  const { destination, gateway, device, metric, protocol, source, mtu, type, onLink } = words;
  const request = {
    family,
    ...(destination === undefined || destination.length === 0
      ? {}
      : { destination: `${destination.address}/${destination.length}` }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(device === undefined ? {} : { index: device }),
    scope: scopeOf(words, verb, family),
    table: tableOf(words),
    ...(metric === undefined ? {} : { metric }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(source === undefined ? {} : { preferredSource: source }),
    ...(type === undefined ? {} : { type }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(onLink ? { onLink } : {}),
  };
  kernelCall(() => socket.run(verb === 'add' ? routeRequests.add(request) : routeRequests.delete(request)));
}
