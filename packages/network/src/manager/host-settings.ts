import type { Collection, Logger, Store } from '@berth/core';
import { readSysctl, writeSysctl } from '@berth/kernel';

interface SettingRecord {
  readonly before: string;
  readonly now: string;
}

/** Frames between ports of one bridge visit the IP firewall when these are on: slower, and not what our rules are for. */
const BRIDGE_NETFILTER = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'];
const IP_FORWARD = 'net.ipv4.ip_forward';

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

  /** Gives the host back what it had, except where somebody else has changed it since. */
  restore(): void {
    for (const [name, { before, now }] of this.#records.entries()) {
      if (readSysctl(name) === now) {
        writeSysctl(name, before);
        this.#logger.info('restored a kernel setting', { sysctl: name, value: before });
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
