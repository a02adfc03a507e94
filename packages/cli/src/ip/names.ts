import { readFileSync } from 'node:fs';

/** The names that the administrator of this host may add to: one file each below /etc/iproute2. */
type NameFile = 'rt_tables' | 'rt_protos' | 'rt_scopes' | 'group';

/** What the kernel itself gives a meaning: linux/rtnetlink.h `RTPROT_*`, `RT_SCOPE_*`, `RT_TABLE_*`. */
const builtIn: Record<NameFile, readonly (readonly [number, string])[]> = {
  rt_tables: [
    [255, 'local'],
    [254, 'main'],
    [253, 'default'],
    [0, 'unspec'],
  ],
  rt_protos: [
    [0, 'unspec'],
    [1, 'redirect'],
    [2, 'kernel'],
    [3, 'boot'],
    [4, 'static'],
    [8, 'gated'],
    [9, 'ra'],
    [10, 'mrt'],
    [11, 'zebra'],
    [12, 'bird'],
    [13, 'dnrouted'],
    [14, 'xorp'],
    [15, 'ntk'],
    [16, 'dhcp'],
    [18, 'keepalived'],
    [42, 'babel'],
    [186, 'bgp'],
    [187, 'isis'],
    [188, 'ospf'],
    [189, 'rip'],
    [192, 'eigrp'],
  ],
  rt_scopes: [
    [0, 'global'],
    [255, 'nowhere'],
    [254, 'host'],
    [253, 'link'],
    [200, 'site'],
  ],
  group: [[0, 'default']],
};

const loaded = new Map<NameFile, Map<number, string>>();

function table(file: NameFile): Map<number, string> {
  let names = loaded.get(file);
  if (names === undefined) {
    names = new Map(builtIn[file]);
    for (const [number, name] of readNames(`/etc/iproute2/${file}`)) names.set(number, name);
    loaded.set(file, names);
  }
  return names;
}

function readNames(path: string): [number, string][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without iproute2 the directory is not there; the kernel's own names are enough.
    return [];
  }
  return [...text.matchAll(/^[ \t]*(0x[0-9a-f]+|\d+)[ \t]+([^\s#]+)/gim)].map((match) => [
    Number(match[1]),
    match[2] ?? '',
  ]);
}

/** The name of a number, or the number in decimal. */
export function nameOf(file: NameFile, number: number): string {
  return table(file).get(number) ?? String(number);
}

/** The number of a name or of a decimal or hexadecimal number; `undefined` where it is neither. */
export function numberOf(file: NameFile, text: string): number | undefined {
  for (const [number, name] of table(file)) if (name === text) return number;
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
}

/** linux/if.h `IFF_*`, in the order in which `ip` writes them; RUNNING shows as NO-CARRIER where it is missing. */
export const linkFlags = [
  ['LOOPBACK', 0x8],
  ['BROADCAST', 0x2],
  ['POINTOPOINT', 0x10],
  ['MULTICAST', 0x1000],
  ['NOARP', 0x80],
  ['ALLMULTI', 0x200],
  ['PROMISC', 0x100],
  ['MASTER', 0x400],
  ['SLAVE', 0x800],
  ['DEBUG', 0x4],
  ['DYNAMIC', 0x8000],
  ['AUTOMEDIA', 0x4000],
  ['PORTSEL', 0x2000],
  ['NOTRAILERS', 0x20],
  ['UP', 0x1],
  ['LOWER_UP', 0x10000],
  ['DORMANT', 0x20000],
  ['ECHO', 0x40000],
] as const;

const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;

/** Whether an interface is administratively up. */
export function isUp(flags: number): boolean {
  return (flags & IFF_UP) !== 0;
}

/**
 * The words between `<` and `>`.
 *
 * @param peerDown whether the interface that this one is stacked on or paired with is known to be down
 */
export function flagNames(flags: number, peerDown: boolean): string[] {
  const names: string[] = [];
  if (isUp(flags) && (flags & IFF_RUNNING) === 0) names.push('NO-CARRIER');
  let rest = flags & ~IFF_RUNNING;
  for (const [name, bit] of linkFlags) {
    if ((flags & bit) !== 0) names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push((rest >>> 0).toString(16));
  if (peerDown) names.push('M-DOWN');
  return names;
}

/** RFC 2863 operational states, linux/if.h `IF_OPER_*`. */
const operStates = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];

/** The word after `state`. */
export function operStateName(state: number): string {
  return operStates[state] ?? String(state);
}

/** linux/if.h `IF_LINK_MODE_*`. */
export function linkModeName(mode: number): string {
  return ['DEFAULT', 'DORMANT'][mode] ?? String(mode);
}

/** linux/if_arp.h `ARPHRD_*`: those that a virtual host meets. */
const linkTypes = new Map([
  [0, 'netrom'],
  [1, 'ether'],
  [32, 'infiniband'],
  [512, 'ppp'],
  [768, 'ipip'],
  [769, 'tunnel6'],
  [772, 'loopback'],
  [776, 'sit'],
  [778, 'gre'],
  [801, 'ieee802.11'],
  [803, 'ieee802.11/radiotap'],
  [823, 'gre6'],
  [824, 'netlink'],
  [0xfffe, 'none'],
  [0xffff, 'void'],
]);

/** The word after `link/`. */
export function linkTypeName(type: number): string {
  return linkTypes.get(type) ?? `[${type}]`;
}

/** linux/if_addr.h `IFA_F_*`, in their bits' order; a missing PERMANENT shows as `dynamic`, at its place. */
const addressFlags = [
  ['nodad', 0x02],
  ['optimistic', 0x04],
  ['dadfailed', 0x08],
  ['home', 0x10],
  ['deprecated', 0x20],
  ['tentative', 0x40],
  ['dynamic', 0x80],
  ['mngtmpaddr', 0x100],
  ['noprefixroute', 0x200],
  ['autojoin', 0x400],
  ['stable-privacy', 0x800],
] as const;

/** The words between an address's scope and its label. */
export function addressFlagNames(flags: number, family: 'inet' | 'inet6'): { names: string[]; rest: number } {
  const names: string[] = [];
  let rest = flags & ~0x1;
  // IFA_F_SECONDARY and IFA_F_TEMPORARY are one bit.
  if ((flags & 0x1) !== 0) names.push(family === 'inet' ? 'secondary' : 'temporary');
  for (const [name, bit] of addressFlags) {
    if (((flags & bit) !== 0) !== (name === 'dynamic')) names.push(name);
    rest &= ~bit;
  }
  return { names, rest };
}

/** The bit that `addr add` sets for a word, where the word is one that a user may give. */
export function settableAddressFlag(word: string): number | undefined {
  const settable = ['nodad', 'optimistic', 'home', 'mngtmpaddr', 'noprefixroute', 'autojoin'];
  return settable.includes(word) ? addressFlags.find(([name]) => name === word)?.[1] : undefined;
}

/** linux/rtnetlink.h `RTN_*`. */
const routeTypes = [
  'none',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

/** The word before a route's destination. */
export function routeTypeName(type: number): string {
  return routeTypes[type] ?? String(type);
}

/** The number of a route type's name, which may be shortened to its beginning where `ip` takes that. */
export function routeTypeNumber(word: string): number | undefined {
  const number = routeTypes.indexOf(word);
  return number > 0 ? number : undefined;
}

/** linux/rtnetlink.h `RTNH_F_*`, in the order in which `ip` writes them. */
export const nexthopFlags = [
  ['dead', 0x1],
  ['onlink', 0x4],
  ['pervasive', 0x2],
  ['offload', 0x8],
  ['trap', 0x40],
  ['notify', 0x100],
  ['linkdown', 0x10],
  ['unresolved', 0x20],
  ['rt_offload', 0x4000],
  ['rt_trap', 0x8000],
  ['rt_offload_failed', 0x20000000],
] as const;

/** The words for a route's or next hop's flags. */
export function nexthopFlagNames(flags: number): string[] {
  return nexthopFlags.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
}

/** linux/neighbour.h `NUD_*`. */
const neighbourStates = [
  ['INCOMPLETE', 0x01],
  ['REACHABLE', 0x02],
  ['STALE', 0x04],
  ['DELAY', 0x08],
  ['PROBE', 0x10],
  ['FAILED', 0x20],
  ['NOARP', 0x40],
  ['PERMANENT', 0x80],
] as const;

/** The words that end a neighbour's line. */
export function neighbourStateNames(state: number): string[] {
  if (state === 0) return ['NONE'];
  return neighbourStates.filter(([, bit]) => (state & bit) !== 0).map(([name]) => name);
}

/** The mask for a word after `nud`; `all` is every state, `none` the empty one. */
export function neighbourStateMask(word: string): number | undefined {
  if (word === 'all') return 0x1ff;
  if (word === 'none') return 0x100;
  return neighbourStates.find(([name]) => name.toLowerCase() === word)?.[1];
}
