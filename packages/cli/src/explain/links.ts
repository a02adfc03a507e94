import type { Link } from '@berth/kernel';
import { means, type Meaning } from './meaning.js';

/** What carries an interface's packets: netdevice(7), linux/if.h `IFF_*`. */
const flagWords: Readonly<Record<string, string>> = {
  LOOPBACK: 'what is sent here comes straight back: the host talks to itself',
  BROADCAST:
    'it can send one frame to every station on its segment at once (IPv4 finds its neighbours so, by ARP)',
  POINTOPOINT: 'there is exactly one station at the other end',
  MULTICAST: 'it can send to groups of stations that asked for it (IPv6 finds its neighbours so)',
  NOARP: 'it does not ask for hardware addresses (no ARP)',
  ALLMULTI: 'it takes in frames for every multicast group, not only those that this host joined',
  PROMISC: 'it takes in every frame, whomever it is for: something listens in, such as a bridge or tcpdump',
  MASTER: 'other interfaces are bundled into this one',
  SLAVE: 'it is bundled with others into one interface',
  DEBUG: 'its driver writes debugging messages',
  DYNAMIC: 'its addresses are lost when it goes down',
  AUTOMEDIA: 'it picks the kind of cable by itself',
  PORTSEL: 'the kind of cable can be chosen',
  NOTRAILERS: 'it does without trailers, a framing of long ago',
  UP: 'it is switched on (ip link set … up)',
  DORMANT: 'the link is there but waits for something, such as a login, before it carries packets',
  ECHO: 'what is sent is also handed to local listeners',
  'M-DOWN': 'the interface at the other end is switched off, so nothing gets through',
};

/** What LOWER_UP and NO-CARRIER come from, for each kind of interface. */
function carrierWords(carrier: boolean, link: Link): string {
  if (link.kind === 'veth') {
    return carrier
      ? 'the line below is up: the other end of the pair is switched on too'
      : 'no signal: the other end of the pair is switched off';
  }
  if (link.kind === 'bridge') {
    return carrier
      ? 'the line below is up: at least one port of the bridge has a signal'
      : 'no signal: the bridge has no port that is up, so no station is reachable through it';
  }
  if (link.kind === undefined && carrier && isLoopback(link))
    return 'the line below is up, as always for a loopback';
  return carrier
    ? 'the line below is up: a cable is plugged in, or the device needs none'
    : 'no signal: no cable, or nothing at its other end';
}

const IFF_LOOPBACK = 0x8;

function isLoopback(link: Link): boolean {
  return (link.flags & IFF_LOOPBACK) !== 0;
}

/** One of the words between `<` and `>`. */
export function flag(name: string, link: Link): Meaning {
  if (name === 'LOWER_UP' || name === 'NO-CARRIER')
    return means(name, carrierWords(name === 'LOWER_UP', link));
  return means(name, flagWords[name] ?? 'flag bits without a name');
}

/** Which kind of thing the interface is. */
export function name(link: Link): Meaning {
  const kinds: Readonly<Record<string, string>> = {
    veth: 'one end of a veth pair, a virtual cable: what goes in here comes out at the other end',
    bridge: 'a bridge, a switch in software: it joins its ports into one network segment',
    dummy: 'a dummy: it takes addresses, and drops what is sent through it',
    vlan: 'a VLAN: a tagged part of the traffic of another interface',
    macvlan: 'a macvlan: an interface of its own MAC address on another one',
    vxlan: 'a VXLAN: Ethernet carried over UDP to other hosts',
    tun: 'a tun/tap interface: a program on this host sends and receives its packets',
    bond: 'a bond: several interfaces used as one',
    wireguard: 'a WireGuard tunnel',
  };
  const kind =
    link.kind === undefined ? undefined : (kinds[link.kind] ?? `an interface of kind ${link.kind}`);
  const what =
    kind ??
    (isLoopback(link)
      ? 'the loopback, by which a host talks to itself'
      : 'a network card, or what the driver shows as one');
  return means(link.name, `interface ${link.index} of this namespace: ${what}`);
}

/** The size of a packet. */
export function mtu(link: Link): Meaning {
  return means(
    `mtu ${link.mtu}`,
    `the longest packet that it sends in one piece: ${link.mtu} bytes, without the frame around it`,
  );
}

const disciplines: Readonly<Record<string, string>> = {
  noqueue: 'packets are not made to wait: each goes on at once (usual for virtual interfaces)',
  noop: 'nothing is sent: packets are dropped, because the interface is down',
  pfifo_fast: 'waiting packets stand in three lines by urgency, first come first served in each',
  pfifo: 'waiting packets stand in one line, first come first served',
  bfifo: 'waiting packets stand in one line, limited in bytes, first come first served',
  fq_codel:
    'waiting packets stand in a line for each conversation, served in turn; lines that are too slow are cut short',
  fq: 'waiting packets stand in a line for each conversation, served in turn and paced',
  mq: 'the device has several sending queues, each with a discipline of its own',
  tbf: 'sending is held to a set rate',
  htb: 'sending is shared out among classes with set rates',
};

/** Queueing discipline, tc(8). */
export function qdisc(discipline: string, link: Link): Meaning {
  const words =
    disciplines[discipline] ??
    `the queueing discipline ${discipline} decides which waiting packet goes next (tc -s qdisc show dev ${link.name})`;
  return means(`qdisc ${discipline}`, words);
}

/** RFC 2863 operational state; Documentation/networking/operstates.rst of the kernel. */
export function state(word: string, link: Link): Meaning {
  const words: Readonly<Record<string, string>> = {
    UP: 'it works: switched on, and the line below has a signal',
    DOWN: 'it does not carry packets: switched off, or no signal',
    UNKNOWN: isLoopback(link)
      ? 'its driver does not report a state; a loopback works all the same when it is UP'
      : 'its driver does not report a state: if the flags say UP, take it as working',
    LOWERLAYERDOWN: 'the interface that it rests on, or the other end of its pair, is down',
    DORMANT: 'it waits for something before it carries packets',
    NOTPRESENT: 'a part of the device is missing',
    TESTING: 'it is being tested and carries no packets',
  };
  return means(`state ${word}`, words[word] ?? 'a state without a name');
}

/** IFLA_LINKMODE. */
export function mode(word: string): Meaning {
  return means(
    `mode ${word}`,
    word === 'DEFAULT'
      ? 'it counts as working as soon as it has a signal'
      : 'with a signal it still waits until a program says that it works',
  );
}

/** IFLA_GROUP. */
export function group(word: string): Meaning {
  const own =
    word === 'default' ? 'this one is in the group that all are in at first' : `this one is in group ${word}`;
  return means(`group ${word}`, `interfaces can be grouped, to change many in one command; ${own}`);
}

/** IFLA_TXQLEN. */
export function queueLength(length: number): Meaning {
  return means(
    `qlen ${length}`,
    `up to ${length} packets may wait to be sent, where the qdisc makes them wait at all`,
  );
}

/** The address on the wire. */
export function hardwareAddress(link: Link, type: string): Meaning {
  const address = link.address ?? '';
  const label = `link/${type} ${address}`;
  if (type === 'loopback')
    return means(label, 'a loopback has no wire, and its hardware address is all zeros');
  if (type !== 'ether') return means(label, `its address on the wire, of kind ${type}`);
  const bytes = address.split(':').map((byte) => Number.parseInt(byte, 16));
  return means(label, `its MAC address: who it is on its segment; ${originOf(bytes)}`);
}

/** Bit 1 of the first byte marks an address that no manufacturer gave (IEEE 802, "locally administered"). */
function originOf(bytes: readonly number[]): string {
  const [first = 0, second, ...rest] = bytes;
  if (first === 0x02 && second === 0x42) {
    return `02:42 and the IPv4 address ${rest.join('.')}, as container engines make it`;
  }
  return (first & 0x02) === 0
    ? 'given by its manufacturer'
    : 'made up by software, not given by a manufacturer';
}

/** Broadcast, or for a point-to-point link the other end. */
export function hardwareBroadcast(address: string, word: string): Meaning {
  return means(
    `${word} ${address}`,
    word === 'peer'
      ? 'the address of the station at the other end'
      : 'frames sent to this address reach every station on its segment',
  );
}

/** IFLA_IFALIAS. */
export function alias(text: string): Meaning {
  const owner = text.startsWith('berth:')
    ? 'a remark: Berth made this interface, for the endpoint of this id'
    : 'a remark that somebody left on the interface; it has no effect';
  return means('alias', owner);
}

/** IFLA_PROP_LIST. */
export function alternativeName(link: Link): Meaning {
  return means('altname', `another name that commands take for ${link.name}`);
}

/** struct rtnl_link_stats64, linux/if_link.h. */
export function counters(): Meaning {
  return means(
    'RX and TX',
    'what was received and sent since the interface was made: bytes, packets, packets with errors, and packets',
    'dropped (for want of room, or because nobody here wanted them); missed: the device had no room;',
    'mcast: of those received, to groups; carrier: lost signals; collsns: collisions on a shared wire',
  );
}
