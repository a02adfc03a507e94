import type { Link } from '@berth/kernel';
import type { Arguments } from './arguments.js';
import { garbage } from './arguments.js';
import { IpFailure, notCovered, wrongValue } from './failure.js';
import { itemObject, renderExplained, renderJson, renderText, type Item } from './layout.js';
import { alternativeNames, briefLinkItem, linkItem, statisticsItem } from './link-format.js';
import { isUp, numberOf } from './names.js';
import type { View } from './view.js';

/** Which interfaces a listing shows. */
export interface LinkFilter {
  readonly name?: string;
  readonly up: boolean;
  readonly master?: number;
  readonly noMaster: boolean;
  readonly kind?: string;
  readonly group?: number;
}

type Draft = { -readonly [K in keyof LinkFilter]: LinkFilter[K] };

/** Takes one of the words that choose interfaces: a keyword, or an interface's name. */
export function takeLinkFilter(args: Arguments, filter: Draft, view: View): void {
  if (args.takeIf('up')) filter.up = true;
  else if (args.takeIf('nomaster')) filter.noMaster = true;
  else if (args.takeIf('master')) {
    const name = args.take();
    const master = view.named(name);
    if (master === undefined) throw wrongValue(name, 'Device does not exist');
    filter.master = master.index;
  } else if (args.takeIf('type')) filter.kind = args.take();
  else if (args.takeIf('group')) {
    const name = args.take();
    const group = numberOf('group', name);
    if (group === undefined) throw wrongValue(name, 'Invalid "group" value');
    filter.group = group;
  } else if (args.peek === 'vrf') throw notCovered('"vrf"');
  else {
    args.takeIf('dev');
    const name = args.take();
    if (filter.name !== undefined) throw garbage('dev', name);
    filter.name = name;
  }
}

/** The interfaces that fit; @throws IpFailure where a named one is not there */
export function chosenLinks(filter: LinkFilter, view: View): readonly Link[] {
  return listedLinks(filter, view).filter((link) => fitsHere(link, filter));
}

/** What the kernel itself leaves out of the listing that `ip` asks it for. */
function listedLinks(filter: LinkFilter, view: View): readonly Link[] {
  let links = view.links;
  if (filter.name !== undefined) {
    const link = view.named(filter.name);
    if (link === undefined) throw new IpFailure(`Device "${filter.name}" does not exist.`, 1);
    links = [link];
  }
  return links.filter((link) => {
    if (filter.master !== undefined && link.master !== filter.master) return false;
    if (filter.noMaster && link.master !== undefined) return false;
    return filter.kind === undefined || isSlaveKind(filter.kind) || link.kind === filter.kind;
  });
}

/** What `ip` leaves out by itself. */
function fitsHere(link: Link, filter: LinkFilter): boolean {
  if (filter.up && !isUp(link.flags)) return false;
  if (filter.group !== undefined && link.group !== filter.group) return false;
  if (filter.kind === undefined || !isSlaveKind(filter.kind)) return true;
  return link.slaveKind === filter.kind.slice(0, -SLAVE.length);
}

/** `type bridge_slave`: a bridge's ports. */
const SLAVE = '_slave';

function isSlaveKind(kind: string): boolean {
  return kind.endsWith(SLAVE);
}

/** `ip link show …`: the text to write. */
export function linkShow(args: Arguments, view: View): string {
  const filter: LinkFilter = { up: false, noMaster: false };
  while (args.more) takeLinkFilter(args, filter, view);
  const { options } = view;
  const items = listedLinks(filter, view).flatMap((link): Item[] => {
    // An empty object stands in `ip -j link` for an interface that `ip` left out by itself.
    if (!fitsHere(link, filter)) return options.json ? [[]] : [];
    if (options.brief) return [briefLinkItem(link, view)];
    return [
      [
        ...linkItem(link, view, { of: 'link', hardware: true }),
        ...statisticsItem(link, view),
        ...alternativeNames(link, view),
      ],
    ];
  });
  return render(items, view);
}

/** Items in the form that the options ask for. */
export function render(items: readonly Item[], view: View): string {
  const { options } = view;
  if (options.json) return renderJson(items.map(itemObject), options.pretty);
  return view.explainer === undefined
    ? renderText(items, options.oneLine ? '\\' : '\n')
    : renderExplained(items);
}
