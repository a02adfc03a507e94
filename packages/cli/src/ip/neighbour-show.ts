import type { Neighbour, RouteSocket } from '@berth/kernel';
import type { Arguments } from './arguments.js';
import { matches } from './arguments.js';
import { kernelCall, notCovered, wrongArgument, wrongValue } from './failure.js';
import { prefix, samePrefix, type Family, type Prefix } from './internet.js';
import type { Field, Item } from './layout.js';
import { render } from './link-show.js';
import { nameOf, neighbourStateMask, neighbourStateNames } from './names.js';
import type { View } from './view.js';

/** linux/neighbour.h: `NUD_NOARP`, and `NTF_PROXY`, `NTF_ROUTER`, `NTF_EXT_LEARNED`, `NTF_OFFLOADED`, `NTF_MANAGED`. */
const NUD_NOARP = 0x40;
const NUD_NONE_ASKED = 0x100;
const NTF_PROXY = 0x08;
const flagWords = [
  ['router', 0x80],
  ['proxy', NTF_PROXY],
  ['extern_learn', 0x10],
  ['offload', 0x20],
] as const;

/** The kernel counts ages in its user-space ticks: USER_HZ is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** `ip neigh show …`: the text to write. */
export function neighbourShow(args: Arguments, socket: RouteSocket, view: View): string {
  let family: Family | undefined = view.options.family;
  let device: number | undefined;
  let master: number | undefined;
  let states: number | undefined;
  let to: Prefix | undefined;
  let proxy = false;
  while (args.more) {
    const word = args.take();
    if (word === 'dev') device = view.needed(args.take()).index;
    else if (word === 'master') {
      const name = args.take();
      master = view.named(name)?.index;
      if (master === undefined) throw wrongValue(name, 'Device does not exist');
    } else if (word === 'nud') {
      const name = args.take();
      const mask = neighbourStateMask(name);
      if (mask === undefined) throw wrongArgument(name, 'nud state is bad');
      states = (states ?? 0) | mask;
    } else if (word === 'proxy') proxy = true;
    else if (['unused', 'nomaster', 'vrf', 'proto'].includes(word))
      throw notCovered(`"${word}" for neigh show`);
    else {
      to = prefix(matches(word, 'to') ? args.take() : word, family);
      family ??= to.family;
    }
  }
  const wanted = to;
  const items = kernelCall(() => socket.neighbours({ proxy }))
    .filter((neighbour) => {
      if (family !== undefined && neighbour.family !== family) return false;
      if (device !== undefined && neighbour.index !== device) return false;
      if (master !== undefined && view.link(neighbour.index)?.master !== master) return false;
      if (proxy !== ((neighbour.flags & NTF_PROXY) !== 0)) return false;
      if (!proxy && !fitsStates(neighbour.state, states)) return false;
      return wanted === undefined || samePrefix(neighbour.destination, wanted.address, wanted.length);
    })
    .map((neighbour) => {
      const format = view.options.brief ? briefItem : neighbourItem;
      return format(neighbour, view, device === undefined);
    });
  return render(items, view);
}

/** Without a choice, entries that need no resolution (multicast, loopback) and unresolved ones are left out. */
function fitsStates(state: number, asked: number | undefined): boolean {
  if (asked === undefined) return state !== 0 && (state & NUD_NOARP) === 0;
  return (state & asked) !== 0 || (state === 0 && (asked & NUD_NONE_ASKED) !== 0);
}

function neighbourItem(neighbour: Neighbour, view: View, withDevice: boolean): Item {
  const line: Field[] = [{ text: `${neighbour.destination} `, json: ['dst', neighbour.destination] }];
  if (withDevice) {
    const device = view.nameOf(neighbour.index);
    line.push({ text: `dev ${device} `, json: ['dev', device] });
  }
  if (neighbour.address !== undefined) {
    line.push({ text: `lladdr ${neighbour.address} `, json: ['lladdr', neighbour.address] });
  }
  for (const [word, bit] of flagWords) {
    if ((neighbour.flags & bit) !== 0) line.push({ text: `${word} `, json: [word, null] });
  }
  if (view.options.statistics > 0) line.push(...statistics(neighbour));
  if (neighbour.state !== 0) {
    const states = neighbourStateNames(neighbour.state);
    line.push({ text: states.map((state) => `${state} `).join(''), json: ['state', states] });
  }
  if (neighbour.protocol !== undefined && neighbour.protocol !== 0) {
    const protocol = nameOf('rt_protos', neighbour.protocol);
    line.push({ text: `proto ${protocol} `, json: ['protocol', protocol] });
  }
  return [line];
}

function statistics(neighbour: Neighbour): Field[] {
  const fields: Field[] = [];
  const cache = neighbour.cacheInfo;
  if (cache !== undefined) {
    const seconds = (ticks: number) => Math.floor(ticks / TICKS_PER_SECOND);
    if (cache.references !== 0) {
      fields.push({ text: ` ref ${cache.references}`, json: ['refcnt', cache.references] });
    }
    const ages = [seconds(cache.used), seconds(cache.confirmed), seconds(cache.updated)] as const;
    fields.push(
      { text: ` used ${ages[0]}`, json: ['used', ages[0]] },
      { text: `/${ages[1]}`, json: ['confirmed', ages[1]] },
      { text: `/${ages[2]}`, json: ['updated', ages[2]] },
    );
  }
  if (neighbour.probes !== undefined) {
    fields.push({ text: `probes ${neighbour.probes} `, json: ['probes', neighbour.probes] });
  }
  return fields;
}

/** `-br neigh`: columns of an IPv6 address's width and an interface name's. */
function briefItem(neighbour: Neighbour, view: View, withDevice: boolean): Item {
  const device = view.nameOf(neighbour.index);
  const line: Field[] = [
    { text: `${neighbour.destination.padEnd(39)} `, json: ['dst', neighbour.destination] },
    ...(withDevice ? [{ text: `${device.padEnd(16)} `, json: ['dev', device] as const }] : []),
  ];
  if (neighbour.address !== undefined)
    line.push({ text: neighbour.address, json: ['lladdr', neighbour.address] });
  return [line];
}
