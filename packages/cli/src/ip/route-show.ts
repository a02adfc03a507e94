import type { Route, RouteSocket } from '@berth/kernel';
import type { Arguments } from './arguments.js';
import { matches, wholeNumber } from './arguments.js';
import { IpFailure, kernelCall, notCovered, wrongValue } from './failure.js';
import { address, prefix, samePrefix, type Family, type Prefix } from './internet.js';
import { render } from './link-show.js';
import { numberOf, routeTypeNumber } from './names.js';
import type { RouteFilter } from './route-filter.js';
import { routeItem } from './route-format.js';
import type { View } from './view.js';

/** linux/rtnetlink.h. */
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTM_F_CLONED = 0x200;

/** Tables that exist without a route; another one comes into being with its first. */
const alwaysThere = [RT_TABLE_MAIN, RT_TABLE_LOCAL];

type Draft = { -readonly [K in keyof RouteFilter]: RouteFilter[K] };

/** @throws IpFailure where `name` is neither a table's name nor a number */
export function tableNumber(name: string, why = '"table" value is invalid'): number {
  const table = numberOf('rt_tables', name);
  if (table === undefined) throw wrongValue(name, why);
  return table;
}

function parse(args: Arguments, view: View): RouteFilter {
  const filter: Draft = {
    family: view.options.family,
    table: RT_TABLE_MAIN,
    device: undefined,
    via: undefined,
    source: undefined,
    metric: undefined,
    protocol: undefined,
    scope: undefined,
    type: undefined,
    root: undefined,
    match: undefined,
  };
  const network = () => prefix(args.take(), filter.family);
  while (args.more) {
    const word = args.take();
    if (matches(word, 'table')) takeTable(args.take(), filter);
    else if (word === 'dev' || word === 'oif') filter.device = view.needed(args.take()).index;
    else if (matches(word, 'protocol')) filter.protocol = namedOr('rt_protos', args, 'protocol');
    else if (matches(word, 'scope')) filter.scope = namedOr('rt_scopes', args, 'scope');
    else if (matches(word, 'type')) {
      const name = args.take();
      filter.type = routeTypeNumber(name);
      if (filter.type === undefined) throw wrongValue(name, 'node type value is invalid');
    } else if (matches(word, 'via')) filter.via = address(args.take(), filter.family).address;
    else if (matches(word, 'src')) filter.source = prefix(args.take(), filter.family).address;
    else if (matches(word, 'metric', 'priority', 'preference')) {
      const text = args.take();
      filter.metric = wholeNumber(text);
      if (filter.metric === undefined) throw wrongValue(text, '"metric" value is invalid');
    } else if (matches(word, 'root')) filter.root = network();
    else if (matches(word, 'match')) filter.match = network();
    else if (matches(word, 'exact')) filter.root = filter.match = network();
    else if (
      ['cache', 'cached', 'cloned', 'vrf', 'realms', 'from', 'tos', 'dsfield', 'iif', 'onlink'].includes(word)
    ) {
      throw notCovered(`"${word}" for route show`);
    } else {
      // A bare network is that network alone.
      filter.root = filter.match = prefix(word === 'to' ? args.take() : word, filter.family);
    }
  }
  return filter;
}

function takeTable(name: string, filter: Draft): void {
  if (name === 'all') filter.table = undefined;
  else if (name === 'cache')
    throw notCovered('"table cache" (the kernel has had no route cache since Linux 3.6)');
  else filter.table = tableNumber(name, 'table id value is invalid');
}

function namedOr(file: 'rt_protos' | 'rt_scopes', args: Arguments, what: string): number | undefined {
  const name = args.take();
  if (name === 'all') return undefined;
  const number = numberOf(file, name);
  if (number === undefined) throw wrongValue(name, `invalid "${what}"`);
  return number;
}

/** A route's destination in parts. */
function target(route: Route): { address: string; length: number } {
  if (route.destination === undefined) {
    return { address: route.family === 'inet' ? '0.0.0.0' : '::', length: 0 };
  }
  const [head = '', length] = route.destination.split('/');
  return {
    address: head,
    length: length === undefined ? (route.family === 'inet' ? 32 : 128) : Number(length),
  };
}

function fits(route: Route, filter: RouteFilter): boolean {
  if ((route.flags & RTM_F_CLONED) !== 0) return false;
  if (filter.table !== undefined && route.table !== filter.table) return false;
  // Next hops of a route with several don't count, as with `ip`.
  if (filter.device !== undefined && route.outputIndex !== filter.device) return false;
  if (filter.via !== undefined && route.gateway !== filter.via) return false;
  if (filter.source !== undefined && route.preferredSource !== filter.source) return false;
  if (filter.metric !== undefined && (route.metric ?? 0) !== filter.metric) return false;
  if (filter.protocol !== undefined && route.protocol !== filter.protocol) return false;
  if (filter.scope !== undefined && route.scope !== filter.scope) return false;
  if (filter.type !== undefined && route.type !== filter.type) return false;
  return fitsNetworks(route, filter);
}

function fitsNetworks(route: Route, { root, match }: RouteFilter): boolean {
  const { address: own, length } = target(route);
  const sameFamily = (other: Prefix) => other.length === 0 || other.family === route.family;
  if (root !== undefined) {
    if (!sameFamily(root) || length < root.length) return false;
    if (root.length > 0 && !samePrefix(own, root.address, root.length)) return false;
  }
  if (match !== undefined) {
    if (!sameFamily(match) || length > match.length) return false;
    if (length > 0 && !samePrefix(own, match.address, length)) return false;
  }
  return true;
}

/** `ip route show …`: the text to write. */
export function routeShow(args: Arguments, socket: RouteSocket, view: View): string {
  const filter = parse(args, view);
  // Every table of both families only where all tables are asked for; else the family is IPv4 unless said.
  const families: Family[] =
    filter.family !== undefined ? [filter.family] : filter.table === undefined ? ['inet', 'inet6'] : ['inet'];
  const routes = families.flatMap((family) => kernelCall(() => socket.routes({ family })));
  const { table } = filter;
  if (table !== undefined && !alwaysThere.includes(table) && !routes.some((route) => route.table === table)) {
    const protocol = families[0] === 'inet6' ? 'ipv6' : 'ipv4';
    throw new IpFailure(`Error: ${protocol}: FIB table does not exist.\nDump terminated`, 2);
  }
  const hidden = { ...filter, table: filter.table !== undefined };
  return render(
    routes.filter((route) => fits(route, filter)).map((route) => routeItem(route, view, hidden)),
    view,
  );
}

/** `ip route get …`: which way a packet would go. */
export function routeGet(
  args: Arguments,
  socket: RouteSocket,
  view: View,
): { text: string; warning?: string } {
  let destination: Prefix | undefined;
  let from: Prefix | undefined;
  let output: number | undefined;
  let input: number | undefined;
  while (args.more) {
    const word = args.take();
    if (matches(word, 'from')) from = prefix(args.take(), view.options.family);
    else if (matches(word, 'oif') || word === 'dev') output = view.needed(args.take()).index;
    else if (matches(word, 'iif')) input = view.needed(args.take()).index;
    else if (
      [
        'mark',
        'tos',
        'dsfield',
        'vrf',
        'uid',
        'fibmatch',
        'as',
        'ipproto',
        'sport',
        'dport',
        'notify',
        'connected',
      ].includes(word)
    ) {
      throw notCovered(`"${word}" for route get`);
    } else
      destination = prefix(
        word === 'to' ? args.take() : word,
        view.options.family ?? from?.family ?? (destination === undefined ? undefined : 'inet'),
      );
  }
  if (destination === undefined) throw new IpFailure('need at least a destination address', 1);
  const full = destination.family === 'inet' ? 32 : 128;
  const warning =
    destination.length === full
      ? undefined
      : `Warning: /${destination.length} as prefix is invalid, only /${full} (or none) is supported.`;
  const { address: to } = destination;
  const route = kernelCall(() =>
    socket.routeTo(to, {
      ...(from === undefined ? {} : { from: from.address }),
      ...(output === undefined ? {} : { outputIndex: output }),
      ...(input === undefined ? {} : { inputIndex: input }),
    }),
  );
  const text = render([routeItem(route, view)], view);
  return { text, ...(warning === undefined ? {} : { warning }) };
}
