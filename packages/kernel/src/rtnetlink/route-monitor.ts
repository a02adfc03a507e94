import { bind, check, close, errnoNumber, recv, setsockopt, socket } from '../libc/index.js';
import { inNamespace, type NetworkNamespace } from '../namespace/index.js';
import { readiness } from '../unix/readiness.js';

/** include/linux/socket.h, include/linux/net.h, include/uapi/linux/netlink.h */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0o4000 | 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, _ROUTE, RTNLGRP_IPV6_IFADDR, _ROUTE (include/uapi/linux/rtnetlink.h) */
const GROUPS = [1, 5, 7, 9, 11];
/** sizeof(struct nlmsghdr): a notification is a datagram of one message, of which recv cuts off the rest. */
const HEADER_LENGTH = 16;
/** What is read in one turn, so that a flood of changes leaves the process time for other things. */
const DATAGRAMS_PER_TURN = 256;
const EAGAIN = errnoNumber('EAGAIN');
const ENOBUFS = errnoNumber('ENOBUFS');

export type RouteChange = 'link' | 'route' | 'address';

/** RTM_NEW* and RTM_DEL* (include/uapi/linux/rtnetlink.h) */
const KINDS = new Map<number, RouteChange>([
  [16, 'link'],
  [17, 'link'],
  [20, 'address'],
  [21, 'address'],
  [24, 'route'],
  [25, 'route'],
]);
const ALL_KINDS: readonly RouteChange[] = ['link', 'address', 'route'];

/**
 * Tells that links, addresses or routes of a namespace have changed; what is new is for the listener to find out. IPv4
 * routes that go when their link goes down or loses its last address are not told of: the link or address is.
 */
export class RouteMonitor implements Disposable {
  readonly #fd: number;
  readonly #onChange: (kind: RouteChange) => void;
  readonly #header = Buffer.alloc(HEADER_LENGTH);
  #closed = false;

  private constructor(fd: number, onChange: (kind: RouteChange) => void) {
    this.#fd = fd;
    this.#onChange = onChange;
    readiness.set(fd, { readable: () => this.#read() });
  }

  /**
   * Watches the namespace of the calling thread, or a given one, until it is closed; the process lives as long.
   *
   * @param onChange called once for each kind of change, however many came at once; where the kernel had to drop
   * notifications, for all kinds
   * @throws KernelError
   */
  static open(onChange: (kind: RouteChange) => void, namespace?: NetworkNamespace): RouteMonitor {
    const fd = namespace === undefined ? subscribe() : inNamespace(namespace, subscribe);
    return new RouteMonitor(fd, onChange);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    readiness.set(this.#fd, {});
    close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(): void {
    const changed = new Set<RouteChange>();
    for (let count = 0; count < DATAGRAMS_PER_TURN; count++) {
      const length = recv(this.#fd, this.#header, this.#header.length, 0);
      if (length === -EAGAIN) break;
      const kind = KINDS.get(this.#header.readUInt16LE(4));
      // ENOBUFS, ENOMEM: notifications are lost.
      if (length < 0) for (const each of ALL_KINDS) changed.add(each);
      else if (kind !== undefined) changed.add(kind);
      if (length < 0 && length !== -ENOBUFS) break;
    }
    for (const kind of changed) {
      // What the listener throws must not end the watcher, and it may close this monitor.
      queueMicrotask(() => {
        if (!this.#closed) this.#onChange(kind);
      });
    }
  }
}

/** A socket that gets the notifications of the thread's namespace. */
function subscribe(): number {
  const fd = check(socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_ROUTE), 'open netlink socket');
  try {
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK);
    check(bind(fd, address, address.length), 'bind netlink socket');
    const group = Buffer.alloc(4);
    for (const number of GROUPS) {
      group.writeUInt32LE(number);
      check(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, group.length), 'subscribe to routes');
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
