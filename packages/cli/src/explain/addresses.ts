import type { Address } from '@berth/kernel';
import { addressBytes } from '../ip/internet.js';
import { means, type Meaning } from './meaning.js';

/** linux/if_addr.h: `INFINITY_LIFE_TIME`. */
const FOREVER = 0xffff_ffff;

/** The first address of an address's network, in text. */
export function networkOf(address: string, length: number): string {
  const bytes = addressBytes(address).map((byte, at) => {
    const bits = Math.min(8, Math.max(0, length - at * 8));
    return byte & ((0xff00 >> bits) & 0xff);
  });
  return textOf(bytes);
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  return shortest(words);
}

/** RFC 5952: the longest row of two or more zero words is `::`. */
function shortest(words: readonly string[]): string {
  const text = words.join(':');
  const rows = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const row = rows[0];
  if (row === undefined) return text;
  const before = text.slice(0, row.index);
  const after = text.slice(row.index + row[0].length);
  return `${before}::${after.replace(/^:/, '')}`;
}

/** How many addresses a network of this length leaves to its stations, in words. */
export function room(address: string, length: number): string {
  const network = `${networkOf(address, length)}/${length}`;
  if (address.includes(':')) {
    if (length === 128) return 'this one address and no network around it';
    return `the first ${length} bits name its network, ${network}, which has room for 2^${128 - length} addresses`;
  }
  if (length === 32) return 'this one address and no network around it';
  if (length === 31) return `its network ${network} is a line between two stations (RFC 3021)`;
  const stations = 2 ** (32 - length) - 2;
  const bytes = addressBytes(networkOf(address, length));
  const first = bytes.readUInt32BE();
  const inText = (value: number) => {
    bytes.writeUInt32BE(value);
    return bytes.join('.');
  };
  const range = `${inText(first + 1)} to ${inText(first + stations)}`;
  return `the first ${length} bits name its network, ${network}: ${stations} stations, ${range}`;
}

/** `inet 10.0.0.1/24`. */
export function address(entry: Address): Meaning {
  const local = entry.local ?? entry.address;
  const kind = entry.family === 'inet' ? 'an IPv4 address' : 'an IPv6 address';
  const label = `${entry.family} ${local}/${entry.prefixLength}`;
  if (entry.address !== local) {
    return means(
      `${entry.family} ${local} peer`,
      `${kind} of this interface for a line to one other station, ${entry.address}`,
      `to its packets belongs the network ${networkOf(entry.address, entry.prefixLength)}/${entry.prefixLength} of the other end`,
    );
  }
  return means(label, `${kind} of this interface${special(local)}`, room(local, entry.prefixLength));
}

function special(local: string): string {
  if (local === '::1' || local.startsWith('127.')) return ', of the host itself: it never leaves it';
  if (/^fe[89ab]/i.test(local))
    return ', which every IPv6 interface makes for itself to talk on its own segment';
  if (/^f[cd]/i.test(local)) return ', private (RFC 4193)';
  if (/^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(local))
    return ', private (RFC 1918): unknown outside unless NAT rewrites it';
  if (local.startsWith('169.254.')) return ', link-local (RFC 3927)';
  return '';
}

/** `brd 10.0.0.255`. */
export function broadcast(text: string): Meaning {
  return means(`brd ${text}`, 'packets sent to this address reach every station of the network');
}

/** rtnetlink(7): how far an address is good for. */
export function scope(word: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    global: 'valid everywhere: packets with it may leave through any interface',
    site: 'valid within this site (IPv6, no longer used)',
    link: 'valid on this segment only: packets with it are not routed on',
    host: 'valid inside this host (this namespace) only',
    nowhere: 'valid nowhere',
  };
  return means(
    `scope ${word}`,
    words[word] ??
      'how far the address is valid, by a number that this host may name in /etc/iproute2/rt_scopes',
  );
}

/** linux/if_addr.h `IFA_F_*`. */
export function flag(word: string): Meaning {
  const words: Readonly<Record<string, string>> = {
    secondary:
      'a further address of a network that the interface has an earlier address of; by default it goes with that one',
    temporary: 'made from a random number for privacy, and replaced from time to time (RFC 8981)',
    nodad: 'used without asking first whether another station has it',
    optimistic: 'used already while it is still being asked whether another station has it',
    dadfailed: 'another station has this address: it is not used',
    home: 'the home address of a mobile node',
    deprecated: 'its preferred time is over: what is open goes on, nothing new starts with it',
    tentative: 'not used yet: it is being asked whether another station has it',
    dynamic: 'given for a time, by DHCP or a router advertisement, say: it ends unless it is renewed',
    mngtmpaddr: 'temporary addresses are made from this one',
    noprefixroute: 'the kernel made no route to its network for it; who set the address sees to routes',
    autojoin: 'the host joins the multicast group of this address',
    'stable-privacy': 'made by a method that is stable here and tells nothing elsewhere (RFC 7217)',
  };
  return means(word, words[word] ?? 'flag bits without a name');
}

/** IFA_LABEL. */
export function label(text: string, device: string): Meaning {
  const words =
    text === device
      ? 'the interface again: the address is labelled with its plain name'
      : `a label on the address, which the old ifconfig shows as an interface; it is an address of ${device}`;
  return means(text, words);
}

function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([amount]) => amount > 0).slice(0, 2);
  return shown.length === 0 ? '0 s' : shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

/** IFA_CACHEINFO: when the address goes. */
export function validLifetime(seconds: number): Meaning {
  if (seconds === FOREVER) return means('valid_lft forever', 'the address stays until somebody removes it');
  return means(
    `valid_lft ${seconds}sec`,
    `the address is removed in ${duration(seconds)}, unless it is renewed`,
  );
}

/** IFA_CACHEINFO: until when new connections use it. */
export function preferredLifetime(seconds: number): Meaning {
  if (seconds === FOREVER) return means('preferred_lft forever', 'new connections may always use it');
  if (seconds === 0) return means('preferred_lft 0sec', 'new connections no longer use it');
  return means(`preferred_lft ${seconds}sec`, `new connections use it for another ${duration(seconds)}`);
}
