import type { FdbEntry, Link } from '@berth/kernel';

/** Jiffies come to user space in hundredths of a second (USER_HZ). */
const TICKS_PER_SECOND = 100;
/** linux/neighbour.h `NUD_PERMANENT`: an address of the bridge's own. */
const NUD_PERMANENT = 0x80;

/** `brctl show`. */
export function bridgeList(bridges: readonly Link[], links: readonly Link[]): string {
  const header = 'bridge name\tbridge id\t\tSTP enabled\tinterfaces\n';
  return header + bridges.map((bridge) => bridgeLines(bridge, links)).join('');
}

function bridgeLines(bridge: Link, links: readonly Link[]): string {
  const ports = links
    .filter((link) => link.master === bridge.index)
    .map((link) => link.name)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const [first = '', ...rest] = ports;
  const stp = bridge.bridge?.stpEnabled === true ? 'yes' : 'no';
  const lines = [
    `${bridge.name}\t\t${bridge.bridge?.bridgeId ?? ''}\t${stp}\t\t${first}\n`,
    ...rest.map((port) => `\t\t\t\t\t\t\t${port}\n`),
  ];
  return lines.join('');
}

/** `brctl showmacs`: what the bridge has learnt, and its ports' own addresses, in the addresses' order. */
export function forwardingList(bridge: Link, links: readonly Link[], entries: readonly FdbEntry[]): string {
  const ports = new Map(
    links.filter((link) => link.master === bridge.index).map((link) => [link.index, link]),
  );
  const rows = entries
    .filter((entry) => entry.master === bridge.index && ports.has(entry.index))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
    .map((entry) => {
      const local = (entry.state & NUD_PERMANENT) !== 0;
      const port = ports.get(entry.index)?.bridgePort?.portNumber ?? 0;
      // Own addresses don't age.
      const age = local ? 0 : (entry.cacheInfo?.updated ?? 0);
      const seconds = String(Math.floor(age / TICKS_PER_SECOND)).padStart(4);
      const hundredths = String(age % TICKS_PER_SECOND).padStart(2, '0');
      return `${String(port).padStart(3)}\t${entry.address}\t${local ? 'yes' : 'no'}\t\t${seconds}.${hundredths}\n`;
    });
  return `port no\tmac addr\t\tis local?\tageing timer\n${rows.join('')}`;
}
