import { BerthError } from '@berth/core';
import { isErrno } from '../errors.js';
import { inNamespace, type NetworkNamespace } from '../namespace/index.js';
import {
  AttributeReader,
  AttributeWriter,
  BackgroundSocket,
  NLM_F_DUMP,
  NetlinkSocket,
} from '../netlink/index.js';
import { parseAddress } from './addresses.js';
import { AF_BRIDGE, AF_UNSPEC, familyNumber } from './internet.js';
import { IFINFOMSG_LENGTH, IFLA, RTEXT_FILTER_SKIP_STATS } from './link-attributes.js';
import { parseLink } from './link-parse.js';
import type { RouteRequest } from './link-requests.js';
import { neighbourListing, parseFdbEntry, parseNeighbour } from './neighbours.js';
import { parseRoute, routeListing, routeQuestion, type RouteQuestion } from './routes.js';
import type { Address, Family, FdbEntry, Link, Neighbour, Route } from './types.js';

/** include/uapi/linux/netlink.h, include/uapi/linux/rtnetlink.h */
const NETLINK_ROUTE = 0;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;

/**
 * The network configuration of one namespace: that of the thread at the time of `open`, or a given one. Calls are
 * synchronous but for `runAsync`, which is for deletions: they wait for grace periods of the kernel (about 20 ms).
 */
export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket;
  /** What `runAsync` uses. */
  readonly #background: BackgroundSocket;

  private constructor(open: () => NetlinkSocket) {
    this.#socket = open();
    this.#background = new BackgroundSocket(open);
  }

  /** @throws KernelError */
  static open(namespace?: NetworkNamespace): RouteSocket {
    const open = () => NetlinkSocket.open(NETLINK_ROUTE);
    return new RouteSocket(namespace === undefined ? open : () => inNamespace(namespace, open));
  }

  /**
   * Makes changes, in order, with one system call.
   *
   * @throws KernelError of the first that failed; later ones were made all the same
   */
  run(...requests: readonly RouteRequest[]): void {
    this.#socket.run(requests);
  }

  /** As {@link run}, without blocking this thread; several calls are carried out one after the other. */
  runAsync(...requests: readonly RouteRequest[]): Promise<void> {
    return this.#background.run((socket) => socket.runAsync(requests));
  }

  /** All interfaces, by index. */
  links(options: { readonly statistics?: boolean } = {}): Link[] {
    const writer = new AttributeWriter(64).raw(Buffer.alloc(IFINFOMSG_LENGTH));
    if (options.statistics === false) writer.u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return this.#dump(RTM_GETLINK, writer.bytes, 'list links', parseLink);
  }

  /** One interface, by name (or one of its other names) or index; undefined where there is none. */
  link(ref: string | number): Link | undefined {
    const header = Buffer.alloc(IFINFOMSG_LENGTH);
    if (typeof ref === 'number') header.writeInt32LE(ref, 4);
    const writer = new AttributeWriter(64).raw(header);
    // IFNAMSIZ is 16; a longer name can only be an alternative one.
    if (typeof ref === 'string')
      writer.string(Buffer.byteLength(ref) < 16 ? IFLA.IFNAME : IFLA.ALT_IFNAME, ref);
    writer.u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    let found: Link | undefined;
    try {
      const request = {
        type: RTM_GETLINK,
        flags: 0,
        payload: writer.bytes,
        op: 'find link',
        subject: String(ref),
      };
      this.#socket.query(request, ({ type, payload }) => {
        if (type === RTM_NEWLINK) found = parseLink(payload);
      });
    } catch (error) {
      // EINVAL: neither an index nor a name; ERANGE: longer than any name (ALTIFNAMSIZ).
      if (!isErrno(error, 'ENODEV', 'EINVAL', 'ERANGE')) throw error;
    }
    return found;
  }

  /** All addresses, by interface. */
  addresses(filter: { readonly family?: Family } = {}): Address[] {
    const header = Buffer.alloc(8);
    header.writeUInt8(familyNumber(filter.family), 0);
    return this.#dump(RTM_GETADDR, header, 'list addresses', parseAddress);
  }

  /** The routes of all tables, or of one. */
  routes(filter: { readonly family?: Family; readonly table?: number } = {}): Route[] {
    const all = this.#dump(RTM_GETROUTE, routeListing(filter.family), 'list routes', parseRoute);
    return filter.table === undefined ? all : all.filter(({ table }) => table === filter.table);
  }

  /**
   * The route that a packet to `destination` takes.
   *
   * @throws KernelError ENETUNREACH where there is none
   */
  routeTo(destination: string, question: RouteQuestion = {}): Route {
    const payload = routeQuestion(destination, question);
    const request = { type: RTM_GETROUTE, flags: 0, payload, op: 'find route to', subject: destination };
    let found: Route | undefined;
    this.#socket.query(request, (message) => (found = parseRoute(message.payload)));
    if (found === undefined) throw new BerthError('internal', `the kernel gave no route to ${destination}`);
    return found;
  }

  /** The tables of ARP and neighbour discovery. */
  neighbours(options: { readonly proxy?: boolean } = {}): Neighbour[] {
    const listing = neighbourListing(AF_UNSPEC, options.proxy ?? false);
    return this.#dump(RTM_GETNEIGH, listing, 'list neighbours', parseNeighbour);
  }

  /** The forwarding tables of all bridges. */
  bridgeForwarding(): FdbEntry[] {
    return this.#dump(
      RTM_GETNEIGH,
      neighbourListing(AF_BRIDGE, false),
      'list forwarding tables',
      parseFdbEntry,
    );
  }

  /** The id by which this namespace knows another; undefined where it has none. */
  namespaceId(namespace: NetworkNamespace): number | undefined {
    // struct rtgenmsg is one byte, padded.
    const { bytes } = new AttributeWriter(32).raw(Buffer.alloc(4)).u32(NETNSA_FD, namespace.fd);
    const request = { type: RTM_GETNSID, flags: 0, payload: bytes, op: 'find namespace id' };
    let id = -1;
    this.#socket.query(request, ({ payload }) => {
      const reader = new AttributeReader(payload.subarray(4));
      while (reader.next()) if (reader.type === NETNSA_NSID) id = reader.i32();
    });
    return id < 0 ? undefined : id;
  }

  /** Closes at once, or when the last `runAsync` is done. */
  close(): void {
    this.#socket.close();
    this.#background.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #dump<T>(type: number, payload: Buffer, op: string, parse: (payload: Buffer) => T | undefined): T[] {
    let found: T[] = [];
    const request = { type, flags: NLM_F_DUMP, payload, op };
    this.#socket.query(
      request,
      (message) => {
        const item = parse(message.payload);
        if (item !== undefined) found.push(item);
      },
      () => (found = []),
    );
    return found;
  }
}
