import type { Address, Link } from '@berth/kernel';
import { addressItem, briefAddressFields } from './address-format.js';
import type { Arguments } from './arguments.js';
import { notCovered, wrongValue } from './failure.js';
import { prefix, samePrefix, type Family, type Prefix } from './internet.js';
import { itemObject, object, type Field, type Item } from './layout.js';
import { alternativeNames, briefStart, linkItem, statisticsItem } from './link-format.js';
import { chosenLinks, render, takeLinkFilter, type LinkFilter } from './link-show.js';
import { numberOf } from './names.js';
import type { View } from './view.js';

/** Which addresses of the chosen interfaces a listing shows. */
interface AddressFilter {
  family: Family | undefined;
  to: Prefix | undefined;
  scope: number | undefined;
  /** Flags that must be set, or must not. */
  set: number;
  clear: number;
}

/** Words that choose addresses by a flag (linux/if_addr.h `IFA_F_*`): the bit, and whether it must be set. */
const flagWords: Readonly<Record<string, readonly [bit: number, set: boolean]>> = {
  permanent: [0x80, true],
  dynamic: [0x80, false],
  secondary: [0x01, true],
  temporary: [0x01, true],
  primary: [0x01, false],
  deprecated: [0x20, true],
  '-deprecated': [0x20, false],
  tentative: [0x40, true],
  '-tentative': [0x40, false],
  dadfailed: [0x08, true],
  '-dadfailed': [0x08, false],
  home: [0x10, true],
  nodad: [0x02, true],
  mngtmpaddr: [0x100, true],
  noprefixroute: [0x200, true],
  autojoin: [0x400, true],
};

function parse(args: Arguments, view: View): { links: LinkFilter; addresses: AddressFilter } {
  const links = { up: false, noMaster: false };
  const addresses: AddressFilter = {
    family: view.options.family,
    to: undefined,
    scope: undefined,
    set: 0,
    clear: 0,
  };
  while (args.more) {
    const flag = Object.hasOwn(flagWords, args.peek ?? '') ? flagWords[args.peek ?? ''] : undefined;
    if (flag !== undefined) {
      args.take();
      const [bit, set] = flag;
      if (set) addresses.set |= bit;
      else addresses.clear |= bit;
    } else if (args.takeIf('to')) {
      addresses.to = prefix(args.take(), addresses.family);
      addresses.family ??= addresses.to.family;
    } else if (args.takeIf('scope')) {
      const name = args.take();
      const scope = numberOf('rt_scopes', name);
      if (scope === undefined && name !== 'all') throw wrongValue(name, 'invalid "scope"');
      addresses.scope = scope;
    } else if (args.peek === 'label') throw notCovered('the choice by "label"');
    else takeLinkFilter(args, links, view);
  }
  return { links, addresses };
}

function fits(address: Address, filter: AddressFilter): boolean {
  if (filter.to !== undefined) {
    const near = address.local ?? address.address;
    if (filter.to.family !== address.family || !samePrefix(near, filter.to.address, filter.to.length))
      return false;
  }
  if (filter.scope !== undefined && address.scope !== filter.scope) return false;
  return (address.flags & filter.set) === filter.set && (address.flags & filter.clear) === 0;
}

/**
 * The interface as the kernel's listing for IPv6 alone tells of it (`ip -6 addr` reads that one): no queueing
 * discipline, no master, no group, and no word of the other end's namespace.
 */
function asInet6Listing(link: Link): Link {
  return { ...link, qdisc: undefined, master: undefined, group: undefined, linkNetnsId: undefined };
}

/** `ip address show …`: the text to write. */
export function addressShow(args: Arguments, all: readonly Address[], view: View): string {
  const filter = parse(args, view);
  const { options } = view;
  const wholeListing = filter.links.name === undefined;
  const family = filter.addresses.family;
  const items: Item[] = [];
  for (const chosen of chosenLinks(filter.links, view)) {
    const own = all.filter(
      (address) => address.index === chosen.index && (family === undefined || address.family === family),
    );
    const shown = own.filter((address) => fits(address, filter.addresses));
    // An interface is left out where none of its addresses fits; one without any fits all but a family.
    if (shown.length === 0 && (own.length > 0 || family !== undefined)) continue;
    const link = wholeListing && view.options.family === 'inet6' ? asInet6Listing(chosen) : chosen;
    if (options.oneLine && !options.brief) items.push(...shown.map((address) => oneLineItem(address, view)));
    else if (options.brief) items.push([[...briefStart(link, view), ...briefInfo(own, shown, view)]]);
    else {
      items.push([
        ...linkItem(link, view, { of: 'address', hardware: family === undefined }),
        ...alternativeNames(link, view),
        ...withJson(own, shown, view),
        ...statisticsItem(link, view),
      ]);
    }
  }
  return render(items, view);
}

/** `-o`: the interface's number and name before each address, in place of the interface's own lines. */
function oneLineItem(address: Address, view: View): Item {
  if (view.options.json) throw notCovered('"-o" with "-j" for address show');
  const [first = [], ...rest] = addressItem(address, view);
  return [[{ text: `${address.index}: ${view.nameOf(address.index)}` }, ...first], ...rest];
}

/** JSON's list, with an empty object where an address of the interface does not fit, as `ip` has it. */
function addressList(
  own: readonly Address[],
  shown: readonly Address[],
  item: (address: Address) => Item,
): Field {
  const objects = own.map((address) => (shown.includes(address) ? itemObject(item(address)) : object([])));
  return { text: '', json: ['addr_info', objects] };
}

function withJson(own: readonly Address[], shown: readonly Address[], view: View): Item {
  const item = (address: Address) => addressItem(address, view);
  if (view.options.json) return [[addressList(own, shown, item)]];
  return shown.flatMap(item);
}

function briefInfo(own: readonly Address[], shown: readonly Address[], view: View): Field[] {
  if (view.options.json) return [addressList(own, shown, (address) => [briefAddressFields(address, view)])];
  return shown.flatMap((address) => briefAddressFields(address, view));
}
