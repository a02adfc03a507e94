import type { Link } from '@berth/kernel';
import type { Field, Item, Json, JsonObject } from './layout.js';
import { object } from './layout.js';
import { flagNames, isUp, linkModeName, linkTypeName, nameOf, operStateName } from './names.js';
import type { View } from './view.js';

/** `link show` shows mode and alias, `addr show` doesn't; a family's own listing leaves out the hardware address. */
export interface LinkStyle {
  readonly of: 'link' | 'address';
  readonly hardware: boolean;
}

/** The interface whose end this one is (veth) or on which it is stacked, where that is known here. */
function localPeer(link: Link, view: View): Link | undefined {
  if (link.link === undefined || link.link === 0 || link.linkNetnsId !== undefined) return undefined;
  return view.link(link.link);
}

/** `@p2`, `@if7`: the other end, by name where it is in this namespace. */
function otherEnd(link: Link, view: View): Field[] {
  if (link.link === undefined) return [];
  const meaning = view.explainer?.otherEnd(link, view);
  if (link.linkNetnsId !== undefined) {
    return [
      { text: '', json: ['link_index', link.link] },
      { text: `@if${link.link}`, meaning },
    ];
  }
  if (link.link === 0) return [{ text: '', json: ['link', null] }, { text: '@NONE' }];
  const name = view.nameOf(link.link);
  return [
    { text: '', json: ['link', name] },
    { text: `@${name}`, meaning },
  ];
}

/** Name and other end in JSON's order (`link` before `ifname`), with the text the other way round. */
function nameFields(link: Link, view: View): { json: Field[]; text: string; meanings: Field[] } {
  const end = otherEnd(link, view);
  return {
    json: [...end.filter((field) => field.json !== undefined), { text: '', json: ['ifname', link.name] }],
    text: link.name + end.map((field) => field.text).join(''),
    meanings: end
      .filter((field) => field.meaning !== undefined)
      .map(({ meaning }) => ({ text: '', meaning })),
  };
}

function shownFlags(link: Link, view: View): string[] {
  const peer = localPeer(link, view);
  return flagNames(link.flags, peer !== undefined && !isUp(peer.flags));
}

function namespaceField(link: Link, view: View): Field[] {
  const id = link.linkNetnsId;
  if (id === undefined) return [];
  const name = id < 0 ? undefined : view.namespaceName(id);
  const text =
    id < 0 ? ' link-netnsid unknown' : name === undefined ? ` link-netnsid ${id}` : ` link-netns ${name}`;
  return [
    { text, json: ['link_netnsid', id], meaning: view.explainer?.namespaceId(link, view, text.trim()) },
  ];
}

/** The lines of an interface, without its addresses and counters. */
export function linkItem(link: Link, view: View, style: LinkStyle): Item {
  const x = view.explainer;
  const name = nameFields(link, view);
  const flags = shownFlags(link, view);
  const first: Field[] = [
    { text: `${link.index}: `, json: ['ifindex', link.index] },
    ...name.json,
    { text: `${name.text}: `, meaning: x?.name(link) },
    ...name.meanings,
    { text: `<${flags.join(',')}>`, json: ['flags', flags] },
    ...flags.map((flag) => ({ text: '', meaning: x?.flag(flag, link) })),
    { text: ` mtu ${link.mtu}`, json: ['mtu', link.mtu], meaning: x?.mtu(link) },
  ];
  if (link.qdisc !== undefined) {
    first.push({
      text: ` qdisc ${link.qdisc}`,
      json: ['qdisc', link.qdisc],
      meaning: x?.qdisc(link.qdisc, link),
    });
  }
  if (link.master !== undefined) {
    const master = view.nameOf(link.master);
    first.push({ text: ` master ${master}`, json: ['master', master], meaning: x?.master(link, view) });
  }
  const state = operStateName(link.operState);
  first.push({ text: ` state ${state}`, json: ['operstate', state], meaning: x?.state(state, link) });
  if (style.of === 'link') {
    const mode = linkModeName(link.linkMode);
    first.push({ text: ` mode ${mode}`, json: ['linkmode', mode], meaning: x?.mode(mode) });
  }
  if (link.group !== undefined) {
    const group = nameOf('group', link.group);
    first.push({ text: ` group ${group}`, json: ['group', group], meaning: x?.group(group) });
  }
  if (link.txQueueLength !== 0) {
    const length = link.txQueueLength;
    first.push({ text: ` qlen ${length}`, json: ['txqlen', length], meaning: x?.queueLength(length) });
  }
  if (!style.hardware) return [[...first, ...namespaceField(link, view)]];
  return [first, hardwareLine(link, view), ...trailingLines(link, view, style)];
}

const IFF_POINTOPOINT = 0x10;

function hardwareLine(link: Link, view: View): Field[] {
  const x = view.explainer;
  const type = linkTypeName(link.type);
  const address = link.address ?? '';
  const line: Field[] = [
    { text: `    link/${type} `, json: ['link_type', type] },
    ...(address === ''
      ? []
      : [{ text: address, json: ['address', address] as const, meaning: x?.hardwareAddress(link, type) }]),
  ];
  if (link.broadcast !== undefined) {
    const pointToPoint = (link.flags & IFF_POINTOPOINT) !== 0;
    const word = pointToPoint ? 'peer' : 'brd';
    if (pointToPoint) line.push({ text: '', json: ['link_pointtopoint', true] });
    line.push({
      text: ` ${word} ${link.broadcast}`,
      json: ['broadcast', link.broadcast],
      meaning: x?.hardwareBroadcast(link.broadcast, word),
    });
  }
  if (link.permanentAddress !== undefined && link.permanentAddress !== link.address) {
    line.push({ text: ` permaddr ${link.permanentAddress}`, json: ['permaddr', link.permanentAddress] });
  }
  line.push(...namespaceField(link, view));
  return line;
}

function trailingLines(link: Link, view: View, style: LinkStyle): Field[][] {
  if (style.of !== 'link' || link.alias === undefined) return [];
  return [
    [
      {
        text: `    alias ${link.alias}`,
        json: ['ifalias', link.alias],
        meaning: view.explainer?.alias(link.alias),
      },
    ],
  ];
}

/** The lines that follow everything else: other names of the interface. */
export function alternativeNames(link: Link, view: View): Item {
  if (link.altNames.length === 0) return [];
  return link.altNames.map((name, at) => [
    {
      text: `    altname ${name}`,
      ...(at === 0 ? { json: ['altnames', link.altNames] as const } : {}),
      meaning: view.explainer?.alternativeName(link),
    },
  ]);
}

/** `-br link`: one line. */
export function briefLinkItem(link: Link, view: View): Item {
  const flags = shownFlags(link, view);
  const fields = briefStart(link, view);
  if (link.address !== undefined) fields.push({ text: `${link.address} `, json: ['address', link.address] });
  fields.push({ text: `<${flags.join(',')}> `, json: ['flags', flags] });
  return [fields];
}

/** What `-br link` and `-br addr` begin with. */
export function briefStart(link: Link, view: View): Field[] {
  const name = nameFields(link, view);
  const state = operStateName(link.operState);
  return [
    ...name.json,
    { text: `${name.text.padEnd(16)} ` },
    { text: `${state.padEnd(14)} `, json: ['operstate', state] },
  ];
}

interface Column {
  readonly title: string;
  readonly key: string;
  readonly value: bigint;
  readonly width: number;
  /** JSON's value where it is not the text's: the two name `over_errors` and `missed_errors` the other way round. */
  readonly jsonValue?: bigint;
}

/** One direction's counters: a line of titles and a line of numbers. */
function counterLines(title: string, columns: readonly Column[], tail: string): [string, string] {
  const widths = columns.map((column) => Math.max(column.width, String(column.value).length));
  const titles = columns.map((column, at) =>
    column.title.padStart((widths[at] ?? 0) - (at === 0 ? title.length : 0)),
  );
  const numbers = columns.map((column, at) => String(column.value).padStart(widths[at] ?? 0));
  return [`    ${title}${titles.join(' ')}${tail}`, `    ${numbers.join(' ')} `];
}

/** The counters of `-s` and, given twice, the kinds of errors (struct rtnl_link_stats64, linux/if_link.h). */
export function statisticsItem(link: Link, view: View): Item {
  const level = view.options.statistics;
  const s = link.stats64;
  if (s === undefined || level === 0) return [];
  const column = (title: string, key: string, value: bigint, width: number): Column => ({
    title,
    key,
    value,
    width,
  });
  // The title of the last column shows only when something was counted in it.
  const compressed = (value: bigint) =>
    value === 0n
      ? { columns: [], tail: ' '.repeat(11) }
      : { columns: [column('compressed', 'compressed', value, 10)], tail: '' };
  const rxMore = compressed(s.rxCompressed);
  const txMore = compressed(s.txCompressed);
  const rx = [
    column('bytes', 'bytes', s.rxBytes, 10),
    column('packets', 'packets', s.rxPackets, 7),
    column('errors', 'errors', s.rxErrors, 6),
    column('dropped', 'dropped', s.rxDropped, 7),
    { ...column('missed', 'over_errors', s.rxMissedErrors, 7), jsonValue: s.rxOverErrors },
    column('mcast', 'multicast', s.multicast, 7),
    ...rxMore.columns,
  ];
  const tx = [
    column('bytes', 'bytes', s.txBytes, 10),
    column('packets', 'packets', s.txPackets, 7),
    column('errors', 'errors', s.txErrors, 6),
    column('dropped', 'dropped', s.txDropped, 7),
    column('carrier', 'carrier_errors', s.txCarrierErrors, 7),
    column('collsns', 'collisions', s.collisions, 7),
    ...txMore.columns,
  ];
  const rxErrors = [
    column('length', 'length_errors', s.rxLengthErrors, 18),
    column('crc', 'crc_errors', s.rxCrcErrors, 6),
    column('frame', 'frame_errors', s.rxFrameErrors, 7),
    column('fifo', 'fifo_errors', s.rxFifoErrors, 7),
    { ...column('overrun', 'missed_errors', s.rxOverErrors, 7), jsonValue: s.rxMissedErrors },
    ...(s.rxNohandler === 0n ? [] : [column('nohandler', 'nohandler', s.rxNohandler, 9)]),
  ];
  const txErrors = [
    column('aborted', 'aborted_errors', s.txAbortedErrors, 18),
    column('fifo', 'fifo_errors', s.txFifoErrors, 6),
    column('window', 'window_errors', s.txWindowErrors, 7),
    column('heartbt', 'heartbeat_errors', s.txHeartbeatErrors, 7),
    column('transns', 'carrier_changes', BigInt(link.carrierChanges ?? 0), 7),
  ];
  const more = level > 1;
  const rows = [
    ...counterLines('RX:', rx, rxMore.tail),
    ...(more ? counterLines('RX errors:', rxErrors, '') : []),
    ...counterLines('TX:', tx, txMore.tail),
    ...(more ? counterLines('TX errors:', txErrors, '') : []),
  ];
  const members = (columns: readonly Column[]): JsonObject =>
    object(columns.map(({ key, value, jsonValue }): [string, Json] => [key, jsonValue ?? value]));
  const json = object([
    ['rx', members([...rx, ...(more ? rxErrors : [])])],
    ['tx', members([...tx, ...(more ? txErrors : [])])],
  ]);
  return rows.map((text, at) => [
    {
      text,
      ...(at === 0 ? { json: ['stats64', json] as const } : {}),
      meaning: at === rows.length - 1 ? view.explainer?.counters() : undefined,
    },
  ]);
}
