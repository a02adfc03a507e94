import type { Link, RouteSocket } from '@berth/kernel';
import * as addresses from './addresses.js';
import * as links from './links.js';
import { means, type Meaning, type Surroundings } from './meaning.js';
import { NamespaceFinder, type FoundNamespace } from './namespaces.js';
import * as routes from './routes.js';

/** Puts what `ip` prints into plain words. */
export class Explainer {
  constructor(
    private readonly socket: RouteSocket,
    private readonly finder: NamespaceFinder,
  ) {}

  readonly name = links.name;
  readonly flag = links.flag;
  readonly mtu = links.mtu;
  readonly qdisc = links.qdisc;
  readonly state = links.state;
  readonly mode = links.mode;
  readonly group = links.group;
  readonly queueLength = links.queueLength;
  readonly hardwareAddress = links.hardwareAddress;
  readonly hardwareBroadcast = links.hardwareBroadcast;
  readonly alias = links.alias;
  readonly alternativeName = links.alternativeName;
  readonly counters = links.counters;
  readonly address = addresses.address;
  readonly addressBroadcast = addresses.broadcast;
  readonly addressScope = addresses.scope;
  readonly addressFlag = addresses.flag;
  readonly addressLabel = addresses.label;
  readonly validLifetime = addresses.validLifetime;
  readonly preferredLifetime = addresses.preferredLifetime;
  readonly routeType = routes.type;
  readonly destination = routes.destination;
  readonly gateway = routes.gateway;
  readonly device = routes.device;
  readonly table = routes.table;
  readonly protocol = routes.protocol;
  readonly routeScope = routes.scope;
  readonly preferredSource = routes.preferredSource;
  readonly metric = routes.metric;
  readonly routeFlag = routes.flag;
  readonly preference = routes.preference;
  readonly weight = routes.weight;
  readonly routeExpires = routes.expires;

  /** `@p2`, `@if7`: what is at the other end, and in whose namespace. */
  otherEnd(link: Link, around: Surroundings): Meaning {
    const index = link.link ?? 0;
    const relation = link.kind === 'veth' ? 'the other end of the pair is' : 'it rests on';
    if (link.linkNetnsId === undefined) {
      const name = around.nameOf(index);
      return means(`@${name}`, `${relation} ${name} (interface ${index}), in this same namespace`);
    }
    const found = this.#find(link);
    if (found === undefined)
      return means(`@if${index}`, `${relation} interface ${index} of another namespace (see link-netnsid)`);
    const name = found.link?.name ?? `interface ${index}`;
    const up = found.link === undefined || (found.link.flags & 1) !== 0 ? '' : ', switched off';
    return means(`@if${index}`, `${relation} ${name} (interface ${index} there${up}) in ${found.owner}`);
  }

  /** `link-netnsid 0`: whose namespace that is. */
  namespaceId(link: Link, _around: Surroundings, label: string): Meaning {
    const id = link.linkNetnsId ?? -1;
    const found = this.#find(link);
    const owner =
      found === undefined
        ? 'a namespace that has no name, no mount and no process that could be seen from here'
        : found.owner;
    return means(label, `the other end is in ${owner}; ${id} is the number that this namespace has for it`);
  }

  /** `master br0`: what the interface is a port of. */
  master(link: Link, around: Surroundings): Meaning {
    const index = link.master ?? 0;
    const master = around.link(index);
    const name = around.nameOf(index);
    if (master?.kind !== 'bridge')
      return means(`master ${name}`, `it belongs to ${name}, which handles its packets`);
    const others = around.links.filter((other) => other.master === index && other.index !== link.index);
    const ports =
      others.length === 0
        ? 'it has no other port'
        : `its other ports: ${others.map((other) => other.name).join(', ')}`;
    return means(
      `master ${name}`,
      `it is plugged into the bridge ${name} as a port, like a cable into a switch; ${ports}`,
    );
  }

  #find(link: Link): FoundNamespace | undefined {
    return link.linkNetnsId === undefined || link.linkNetnsId < 0
      ? undefined
      : this.finder.find(this.socket, link.linkNetnsId, link.link);
  }
}

/** Makes an explainer for the namespace of a socket. */
export async function openExplainer(socket: RouteSocket): Promise<Explainer> {
  return new Explainer(socket, await NamespaceFinder.open());
}
