import type { Route } from '@berth/kernel';
import { room } from './addresses.js';
import { means, type Meaning, type Surroundings } from './meaning.js';

/** ip-route(8): TYPE. */
export function type(word: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    local: 'an address of this host itself: such packets are taken in',
    broadcast: 'an address that reaches every station of a network',
    multicast: 'addresses of groups of stations',
    anycast: 'an address that several stations have, of which the nearest answers',
    blackhole: 'packets to there are dropped without a word',
    unreachable: 'packets to there are refused: "no route to host"',
    prohibit: 'packets to there are refused: "administratively prohibited"',
    throw: 'the search in this table ends here and goes on with the next rule',
  };
  return means(word, words[word] ?? 'a kind of route');
}

/** To whom the route leads. */
export function destination(route: Route, shown: string): Meaning {
  if (route.destination === undefined) {
    return means(shown, 'for every destination that no other line fits: the way to the rest of the world');
  }
  const [address = '', length] = route.destination.split('/');
  const bits = length === undefined ? (address.includes(':') ? 128 : 32) : Number(length);
  if (bits === (address.includes(':') ? 128 : 32)) return means(shown, 'for this one address');
  return means(
    shown,
    `for the addresses of this network (of several lines that fit, the longest prefix wins)`,
    room(address, bits),
  );
}

/** RTA_GATEWAY. */
export function gateway(address: string): Meaning {
  return means(
    `via ${address}`,
    'packets are handed to this router, which knows the way on; it must be reachable itself',
  );
}

/** RTA_OIF. */
export function device(name: string, route: Route, around: Surroundings): Meaning {
  const link = route.outputIndex === undefined ? undefined : around.link(route.outputIndex);
  const kind = link?.kind === undefined ? '' : ` (a ${link.kind === 'veth' ? 'veth end' : link.kind})`;
  const direct = route.gateway === undefined && (route.nexthops ?? []).length === 0;
  return means(
    `dev ${name}`,
    `they leave through the interface ${name}${kind}${direct ? ', straight to the station: it is on that segment' : ''}`,
  );
}

/** RTA_TABLE. */
export function table(name: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    local: "the kernel's own table of this host's addresses, looked at first",
    default: 'a table looked at last, usually empty',
  };
  return means(
    `table ${name}`,
    words[name] ?? 'a table of its own, looked at where a rule says so (ip rule)',
  );
}

/** ip-route(8): RTPROTO, who made the route. */
export function protocol(name: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    kernel: 'made by the kernel by itself, together with an address',
    boot: 'made by hand, or when the host started',
    static: 'made by an administrator, to stay',
    redirect: 'made because a router said that there is a shorter way',
    ra: 'made from a router advertisement (IPv6)',
    dhcp: 'made by a DHCP client',
  };
  return means(`proto ${name}`, words[name] ?? `made by the routing program ${name}`);
}

/** rtnetlink(7): the distance to the destination. */
export function scope(name: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    link: 'the destination is on the segment itself: no router between',
    host: 'the destination is this host itself',
    site: 'the destination is within this site',
    nowhere: 'there is no such destination',
  };
  return means(`scope ${name}`, words[name] ?? 'how far away the destination is, by a number');
}

/** RTA_PREFSRC. */
export function preferredSource(address: string): Meaning {
  return means(
    `src ${address}`,
    'packets that this host sends there bear this address of its own, unless the program chose another',
  );
}

/** RTA_PRIORITY. */
export function metric(value: number): Meaning {
  return means(
    `metric ${value}`,
    'of several routes to the same destination the one with the smallest metric is used',
  );
}

/** RTNH_F_*. */
export function flag(word: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    linkdown: 'its interface has no signal just now',
    dead: 'its interface is down: the route is not used',
    onlink: 'the router is taken to be on this segment, though no network of the interface contains it',
    pervasive: 'the next hop has to be looked up in turn',
    offload: 'a network card follows this route without the kernel',
  };
  return means(word, words[word] ?? 'a flag of the route');
}

/** RFC 4191. */
export function preference(word: string): Meaning {
  return means(
    `pref ${word}`,
    'how a router advertisement would rank it (IPv6); medium unless one said otherwise',
  );
}

/** rtnh_hops. */
export function weight(value: number): Meaning {
  return means(`weight ${value}`, 'its share of the traffic among the next hops of this route');
}

/** RTA_CACHEINFO. */
export function expires(seconds: number): Meaning {
  return means(`expires ${seconds}sec`, 'the route ends then unless it is renewed');
}
