import { BerthError, shortId } from '@berth/core';
import { isErrno, linkRequests, type Link, type RouteRequest, type RouteSocket } from '@berth/kernel';
import { OWNER_PREFIX, ownerAlias, type HostKernel } from './driver.js';

/** Option with the name of the link of the host that a network stands on. */
export const PARENT = 'parent';

/** IFF_UP and IFF_LOOPBACK of include/uapi/linux/if.h. */
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
/** Tags of IEEE 802.1Q, without the reserved 0 and 4095. */
const TAGS = { least: 1, most: 4094 } as const;
/** A master of this kind takes no frames from its ports: other links can stand on them all the same. */
const VRF = 'vrf';

/** The kinds of links that not every kernel has, and the option that it is built with then. */
const KERNEL_OPTIONS = {
  macvlan: 'CONFIG_MACVLAN',
  ipvlan: 'CONFIG_IPVLAN',
  vlan: 'CONFIG_VLAN_8021Q',
  dummy: 'CONFIG_DUMMY',
} as const;
export type OptionalKind = keyof typeof KERNEL_OPTIONS;

/** The link of the host that a network's endpoints stand on: the user's, or one that is made for it. */
export class ParentLink {
  readonly name: string;
  readonly #host: HostKernel;
  /** Marks a link as made for this network. */
  readonly #alias: string;
  readonly #leadsNowhere: boolean;

  /** @param name undefined: a link that leads nowhere is made */
  constructor(host: HostKernel, networkId: string, name: string | undefined) {
    this.#host = host;
    this.name = name ?? `dm-${shortId(networkId)}`;
    this.#alias = ownerAlias(networkId);
    this.#leadsNowhere = name === undefined;
  }

  /**
   * Makes a dummy link or an 802.1q link (`eth0.10`: the tag 10 on eth0) where it is needed and not there.
   *
   * @returns the link
   * @throws BerthError `invalid` where there is no such link or it can't be a parent, `conflict`, `unavailable`,
   * `unsupported` where the kernel has no such links
   */
  ensure(): Link {
    const { routes, logger } = this.#host;
    const existing = routes.link(this.name);
    if (existing === undefined) this.#make();
    else if (existing.alias === this.#alias) this.#setUp();
    else if (this.#leadsNowhere) {
      throw this.#error('conflict', `interface ${this.name} exists on this host and is not this network's`, {
        right: `remove it, or name a parent with the option ${PARENT}`,
      });
    }
    const link = this.find();
    this.#check(link);
    // What the user has made is the user's to set up.
    if ((link.flags & IFF_UP) === 0)
      logger.warn('the parent of a network is down: nothing passes until it is up', { parent: this.name });
    return link;
  }

  /** @throws BerthError `unavailable` */
  find(): Link {
    const link = this.#host.routes.link(this.name);
    if (link !== undefined) return link;
    throw this.#error('unavailable', `the network's parent ${this.name} is not there any more`, {
      right: 'make it again',
    });
  }

  /** Takes it away if it was made for this network. */
  async delete(): Promise<void> {
    if (this.#host.routes.link(this.name)?.alias === this.#alias) await this.#host.reaper.reap(this.name);
  }

  #make(): void {
    const { routes } = this.#host;
    const kind = this.#leadsNowhere ? 'dummy' : 'vlan';
    const request = this.#leadsNowhere ? linkRequests.addDummy({ name: this.name }) : this.#addVlan();
    try {
      routes.run(request);
    } catch (error) {
      if (!isMissingKind(error)) throw error;
      throw missingKind(kind, `name a link of this host with the option ${PARENT}`, error);
    }
    routes.run(linkRequests.set({ name: this.name }, { alias: this.#alias }));
    this.#setUp();
  }

  #addVlan(): RouteRequest {
    const [, base = '', tag = ''] = /^(.+)\.(\d+)$/.exec(this.name) ?? [];
    const parent = base === '' ? undefined : this.#host.routes.link(base);
    if (parent === undefined) {
      throw this.#error('invalid', `parent ${this.name} is not there`, {
        right: `it should be one of ${possibleParents(this.#host.routes)}, or one of them with a dot and a tag (eth0.10)`,
      });
    }
    const id = Number(tag);
    if (id < TAGS.least || id > TAGS.most || tag !== String(id)) {
      throw this.#error('invalid', `parent ${this.name} is not there and can't be made`, {
        right: `its tag, the number after the dot, should be ${TAGS.least} to ${TAGS.most}`,
      });
    }
    this.#check(parent);
    return linkRequests.addVlan({ name: this.name, parent: parent.index, id });
  }

  #setUp(): void {
    try {
      this.#host.routes.run(linkRequests.set({ name: this.name }, { up: true }));
    } catch (error) {
      // vlan_dev_open of net/8021q/vlan_dev.c
      if (!isErrno(error, 'ENETDOWN')) throw error;
      throw this.#error(
        'unavailable',
        `${this.name} can't be set up, as the link that it stands on is down`,
        {
          right: 'set that up first (ip link set … up)',
          cause: error,
        },
      );
    }
  }

  #check({ name, flags, slaveKind, master }: Link): void {
    if ((flags & IFF_LOOPBACK) !== 0) {
      throw this.#error('invalid', `loopback interface ${name} can't be a parent`, {
        right: `it should be one of ${possibleParents(this.#host.routes)}`,
      });
    }
    if (slaveKind === undefined || slaveKind === VRF) return;
    const owner = this.#host.routes.link(master ?? 0)?.name ?? '';
    throw this.#error('invalid', `${name} can't be a parent, as it is a port of the ${slaveKind} ${owner}`, {
      right: `name ${owner} instead`,
    });
  }

  #error(
    code: 'invalid' | 'conflict' | 'unavailable',
    wrong: string,
    { right, cause }: { right: string; cause?: unknown },
  ): BerthError {
    return new BerthError(code, `${wrong}: ${right}`, { op: 'prepare parent', subject: this.name, cause });
  }
}

/** Names of the links that networks can stand on, but for those that Berth has made. */
function possibleParents(routes: RouteSocket): string {
  const names = routes
    .links({ statistics: false })
    .filter(({ flags, slaveKind }) => (flags & IFF_LOOPBACK) === 0 && (slaveKind ?? VRF) === VRF)
    .filter(({ alias }) => alias?.startsWith(OWNER_PREFIX) !== true)
    .map(({ name }) => name);
  return names.length === 0 ? 'the links of this host (there is none)' : names.join(', ');
}

/** Whether it was refused for its kind, which the kernel doesn't have (rtnl_newlink of net/core/rtnetlink.c). */
export function isMissingKind(error: unknown): boolean {
  // A kind that is there can be refused with this number too, in other words: a tag on a link that takes none.
  return isErrno(error, 'EOPNOTSUPP') && (error.extack ?? 'Unknown device type') === 'Unknown device type';
}

/** @param right what would be right */
export function missingKind(kind: OptionalKind, right: string, cause: unknown): BerthError {
  const what = `this kernel has no ${kind} links (${KERNEL_OPTIONS[kind]} is not set, or module ${kind === 'vlan' ? '8021q' : kind} not there)`;
  return new BerthError('unsupported', `${what}: ${right}`, { op: `add ${kind}`, cause });
}
