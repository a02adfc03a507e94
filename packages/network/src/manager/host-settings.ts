import { isBerthError, type Collection, type Logger, type Store } from '@berth/core';
import { readSysctl, writeSysctl, type RouteSocket } from '@berth/kernel';

interface SettingRecord {
  readonly before: string;
  readonly now: string;
}

/** Frames between ports of one bridge visit the IP firewall when these are on: slower, and not what our rules are for. */
const BRIDGE_NETFILTER = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'];
const IP_FORWARD = 'net.ipv4.ip_forward';
const IPV6_FORWARD = 'net.ipv6.conf.all.forwarding';
/** RTPROT_RA (include/uapi/linux/rtnetlink.h): a route that came by router advertisement. */
const RTPROT_RA = 9;

/** Kernel settings of the host that Berth changes. What they were is kept in the store. */
export class HostSettings {
  readonly #records: Collection<SettingRecord>;
  readonly #logger: Logger;

  constructor(store: Store, logger: Logger) {
    this.#records = store.collection<SettingRecord>('network.settings');
    this.#logger = logger;
  }

  /** @throws BerthError where the kernel refuses */
  apply(options: { readonly ipForward: boolean }): void {
    if (options.ipForward) this.#set(IP_FORWARD, '1');
    else if (readSysctl(IP_FORWARD) === '0') {
      this.#logger.warn('IPv4 forwarding is off: containers reach no other networks', { sysctl: IP_FORWARD });
    }
    for (const name of BRIDGE_NETFILTER) this.#set(name, '0');
  }

  /**
   * Switches the forwarding of IPv6 on, for the first network that needs it. A host that forwards ignores router
   * advertisements: where its own default route came by one, it is told to go on taking them.
   */
  forwardIPv6(options: { readonly ipForward: boolean }, routes: RouteSocket): void {
    if (readSysctl(IPV6_FORWARD) !== '0') return;
    if (!options.ipForward) {
      this.#logger.warn('IPv6 forwarding is off: containers reach no other networks', {
        sysctl: IPV6_FORWARD,
      });
      return;
    }
    for (const { protocol, outputIndex } of routes.routes({ family: 'inet6' })) {
      const link = protocol === RTPROT_RA && outputIndex !== undefined ? routes.link(outputIndex) : undefined;
      // accept_ra=2: also while forwarding (Documentation/networking/ip-sysctl.rst).
      if (link !== undefined) this.#set(`net/ipv6/conf/${link.name}/accept_ra`, '2');
    }
    this.#set(IPV6_FORWARD, '1');
  }

  /** Gives the host back what it had, except where somebody else has changed it since. */
  restore(): void {
    for (const [name, { before, now }] of this.#records.entries()) {
      try {
        if (readSysctl(name) === now) {
          writeSysctl(name, before);
          this.#logger.info('restored a kernel setting', { sysctl: name, value: before });
        }
      } catch (error) {
        // A link that has gone takes its settings along.
        if (!isBerthError(error)) throw error;
        this.#logger.warn('cannot restore a kernel setting', { sysctl: name, error });
      }
      this.#records.delete(name);
    }
  }

  #set(name: string, value: string): void {
    const before = readSysctl(name);
    if (before === undefined || before === value) return;
    if (this.#records.get(name) === undefined) this.#records.put(name, { before, now: value });
    writeSysctl(name, value);
    this.#logger.info('changed a kernel setting', { sysctl: name, from: before, to: value });
  }
}
