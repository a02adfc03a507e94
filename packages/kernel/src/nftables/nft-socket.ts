import { isErrno } from '../errors.js';
import { inNamespace, type NetworkNamespace } from '../namespace/index.js';
import { NetlinkSocket, type NetlinkRequest } from '../netlink/index.js';
import type { NftChange } from './changes.js';

/** NETLINK_NETFILTER (include/uapi/linux/netlink.h); NFNL_MSG_BATCH_* (include/uapi/linux/netfilter/nfnetlink.h). */
const NETLINK_NETFILTER = 12;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
/** struct nfgenmsg with NFNL_SUBSYS_NFTABLES as resource id, big-endian. */
const BATCH_HEADER = Buffer.from([0, 0, 0, 10]);

/** How often a transaction that a signal interrupted is made again. */
const ATTEMPTS = 10;

/** nf_tables spoken directly: for what must be fast, and for namespaces other than the daemon's. */
export class NftSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** @throws KernelError */
  static open(namespace?: NetworkNamespace): NftSocket {
    const open = () => NetlinkSocket.open(NETLINK_NETFILTER);
    return new NftSocket(namespace === undefined ? open() : inNamespace(namespace, open));
  }

  /**
   * Makes all changes in one transaction, or none.
   *
   * @throws KernelError that names the change which the kernel refused
   */
  commit(changes: readonly NftChange[]): void {
    if (changes.length === 0) return;
    const mark = (type: number): NetlinkRequest => ({
      type,
      flags: 0,
      payload: BATCH_HEADER,
      op: 'commit firewall changes',
    });
    for (let attempt = 1; ; attempt++) {
      try {
        this.#socket.runBatch(mark(NFNL_MSG_BATCH_BEGIN), changes, mark(NFNL_MSG_BATCH_END));
        return;
      } catch (error) {
        // A signal (a child's end, say) has interrupted the kernel: nothing has happened.
        if (attempt === ATTEMPTS || !isErrno(error, 'EINTR')) throw error;
      }
    }
  }

  /** Closing a socket that has deleted a table waits for a grace period (12 to 25 ms): that is not done on this thread. */
  close(): void {
    this.#socket.closeInBackground();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
