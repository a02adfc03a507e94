import type { Route, RouteNexthop } from '@berth/kernel';
import { object, type Field, type Item, type Json } from './layout.js';
import { nameOf, nexthopFlagNames, routeTypeName } from './names.js';
import type { RouteFilter } from './route-filter.js';
import type { View } from './view.js';

/** linux/rtnetlink.h. */
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
/** `RTM_F_CLONED`: the answer to a question about IPv4, not an entry of a table. */
const RTM_F_CLONED = 0x200;

/** `RTCF_*` (linux/in_route.h) in the order in which `ip` writes them between `<` and `>`. */
const cacheFlags = [
  ['local', 0x8000_0000],
  ['reject', 0x4000_0000],
  ['mc', 0x2000_0000],
  ['brd', 0x1000_0000],
  ['dst-nat', 0x0800_0000],
  ['src-nat', 0x0400_0000],
  ['masq', 0x0040_0000],
  ['dst-direct', 0x0002_0000],
  ['src-direct', 0x0004_0000],
  ['redirected', 0x0001_0000],
  ['redirect', 0x0010_0000],
  ['fastroute', 0x0020_0000],
  ['notify', 0x0001_0000],
] as const;

/** The words of `RTA_METRICS`, by `RTAX_*` (linux/rtnetlink.h), in their order. */
const metricNames = [
  '',
  'lock',
  'mtu',
  'window',
  'rtt',
  'rttvar',
  'ssthresh',
  'cwnd',
  'advmss',
  'reordering',
  'hoplimit',
  'initcwnd',
  'features',
  'rto_min',
  'initrwnd',
  'quickack',
  'congctl',
  'fastopen_no_cookie',
] as const;

/** What is the same in all routes of a listing, because it was asked for, is not repeated in them. */
export type Hidden = Partial<
  Pick<RouteFilter, 'device' | 'via' | 'source' | 'metric' | 'protocol' | 'scope'>
> & {
  readonly table?: boolean;
};

function destination(route: Route): string {
  if (route.destination === undefined) return 'default';
  const [address = '', length] = route.destination.split('/');
  return length === (address.includes(':') ? '128' : '32') ? address : route.destination;
}

/** The lines of one route. */
export function routeItem(route: Route, view: View, hidden: Hidden = {}): Item {
  const x = view.explainer;
  const cloned = (route.flags & RTM_F_CLONED) !== 0;
  const line: Field[] = [];
  const type = routeTypeName(route.type);
  if (route.type !== RTN_UNICAST) {
    line.push({ text: `${type} `, json: ['type', type], meaning: x?.routeType(type) });
  }
  const target = destination(route);
  line.push({ text: `${target} `, json: ['dst', target], meaning: x?.destination(route, target) });
  if (route.source !== undefined) line.push({ text: `from ${route.source} `, json: ['from', route.source] });
  if (route.gateway !== undefined && hidden.via === undefined) {
    line.push({
      text: `via ${route.gateway} `,
      json: ['gateway', route.gateway],
      meaning: x?.gateway(route.gateway),
    });
  }
  if (route.via !== undefined && hidden.via === undefined) {
    const via = object([
      ['family', route.via.family],
      ['host', route.via.address],
    ]);
    line.push({ text: `via ${route.via.family} ${route.via.address} `, json: ['via', via] });
  }
  if (route.outputIndex !== undefined && hidden.device === undefined) {
    const device = view.nameOf(route.outputIndex);
    line.push({ text: `dev ${device} `, json: ['dev', device], meaning: x?.device(device, route, view) });
  }
  if (hidden.table !== true && !cloned && route.table !== RT_TABLE_MAIN) {
    const table = nameOf('rt_tables', route.table);
    line.push({ text: `table ${table} `, json: ['table', table], meaning: x?.table(table) });
  }
  if (!cloned) {
    if (route.protocol !== RTPROT_BOOT && hidden.protocol === undefined) {
      const protocol = nameOf('rt_protos', route.protocol);
      line.push({ text: `proto ${protocol} `, json: ['protocol', protocol], meaning: x?.protocol(protocol) });
    }
    if (route.scope !== 0 && hidden.scope === undefined) {
      const scope = nameOf('rt_scopes', route.scope);
      line.push({ text: `scope ${scope} `, json: ['scope', scope], meaning: x?.routeScope(scope) });
    }
  }
  if (route.preferredSource !== undefined && hidden.source === undefined) {
    line.push({
      text: `src ${route.preferredSource} `,
      json: ['prefsrc', route.preferredSource],
      meaning: x?.preferredSource(route.preferredSource),
    });
  }
  if (route.metric !== undefined && hidden.metric === undefined) {
    line.push({
      text: `metric ${route.metric} `,
      json: ['metric', route.metric],
      meaning: x?.metric(route.metric),
    });
  }
  const flags = nexthopFlagNames(route.flags);
  line.push({ text: flags.map((flag) => `${flag} `).join(''), json: ['flags', flags] });
  for (const flag of flags) line.push({ text: '', meaning: x?.routeFlag(flag) });
  if (route.uid !== undefined) line.push({ text: `uid ${route.uid} `, json: ['uid', route.uid] });
  const lines = [line, ...cacheLine(route, cloned, view)];
  const last = lines.at(-1) ?? line;
  if (route.expires !== undefined && route.expires !== 0) {
    last.push({
      text: `expires ${route.expires}sec `,
      json: ['expires', route.expires],
      meaning: x?.routeExpires(route.expires),
    });
  }
  last.push(...metrics(route));
  if (route.preference !== undefined) {
    // No space behind: in IPv6's lines the preference is the last word.
    last.push({
      text: `pref ${route.preference}`,
      json: ['pref', route.preference],
      meaning: x?.preference(route.preference),
    });
  }
  return [...lines, ...nexthopLines(route, view)];
}

function cacheLine(route: Route, cloned: boolean, view: View): Field[][] {
  if (!cloned) return [];
  const flags = cacheFlags.filter(([, bit]) => (route.flags & bit) !== 0).map(([name]) => name);
  const text = flags.length === 0 ? '' : `<${flags.join(',')}> `;
  const input = route.inputIndex === undefined ? undefined : view.nameOf(route.inputIndex);
  return [
    [
      { text: `    cache ${text}`, json: ['cache', flags] },
      ...(input === undefined ? [] : [{ text: `iif ${input} `, json: ['iif', input] as const }]),
    ],
  ];
}

function metrics(route: Route): Field[] {
  const known = route.metrics ?? [];
  if (known.length === 0) return [];
  const named = known.map(([number, value]): [string, Json] => [
    metricNames[number] ?? `metric${number}`,
    value,
  ]);
  return [
    {
      text: named.map(([name, value]) => `${name} ${String(value)} `).join(''),
      json: ['metrics', [object(named)]],
    },
  ];
}

function nexthopLines(route: Route, view: View): Item {
  const nexthops = route.nexthops ?? [];
  const items = nexthops.map((hop) => nexthopFields(hop, view));
  return items.map((fields, at) => [
    ...(at === 0
      ? [{ text: '', json: ['nexthops', items.map((item) => object(jsonOf(item)))] as const }]
      : []),
    { text: '\tnexthop ' },
    ...fields.map(({ text, meaning }): Field => ({ text, meaning })),
  ]);
}

function jsonOf(fields: readonly Field[]): (readonly [string, Json])[] {
  return fields.flatMap((field) => (field.json === undefined ? [] : [field.json]));
}

function nexthopFields(hop: RouteNexthop, view: View): Field[] {
  const device = hop.outputIndex === undefined ? undefined : view.nameOf(hop.outputIndex);
  const flags = nexthopFlagNames(hop.flags);
  return [
    ...(hop.gateway === undefined
      ? []
      : [
          {
            text: `via ${hop.gateway} `,
            json: ['gateway', hop.gateway] as const,
            meaning: view.explainer?.gateway(hop.gateway),
          },
        ]),
    ...(device === undefined ? [] : [{ text: `dev ${device} `, json: ['dev', device] as const }]),
    {
      text: `weight ${hop.weight} `,
      json: ['weight', hop.weight],
      meaning: view.explainer?.weight(hop.weight),
    },
    { text: flags.map((flag) => `${flag} `).join(''), json: ['flags', flags] },
  ];
}
