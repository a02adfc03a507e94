import { shortId } from '@berth/core';
import { isErrno, linkRequests, routeRequests } from '@berth/kernel';
import { contains, parseAddress, parsePrefix } from '../../ipam/address.js';
import type { EndpointRecord } from '../../records.js';
import { ownerAlias, type HostKernel } from '../driver.js';
import type { ParentLink } from '../parent-link.js';
import type { Companion } from '../stacked-network.js';

/**
 * A macvlan link of the host's own beside those of containers, with a route for each of them: the kernel delivers nothing
 * between a parent and the links on it, but between two of these it does. IPv4 alone: for IPv6 a host answers on no
 * other link than that which has the address.
 */
export class HostAccess implements Companion {
  readonly #host: HostKernel;
  readonly #parent: ParentLink;
  readonly #name: string;
  readonly #alias: string;

  constructor(host: HostKernel, parent: ParentLink, networkId: string) {
    this.#host = host;
    this.#parent = parent;
    this.#name = `mv-${shortId(networkId)}`;
    this.#alias = ownerAlias(networkId);
  }

  create(): void {
    const { routes } = this.#host;
    if (routes.link(this.#name) === undefined) {
      const { index: parent } = this.#parent.find();
      routes.run(
        linkRequests.addMacvlan({ name: this.#name, parent, mode: 'bridge' }),
        linkRequests.set({ name: this.#name }, { alias: this.#alias }),
      );
    }
    routes.run(linkRequests.set({ name: this.#name }, { up: true }));
  }

  attach(endpoint: EndpointRecord): void {
    const address = endpoint.interface?.ipv4?.address;
    const index = this.#host.routes.link(this.#name)?.index;
    if (address === undefined || index === undefined) return;
    const preferredSource = this.#addressBeside(address);
    this.#host.routes.run(
      routeRequests.replace({
        destination: `${address}/32`,
        index,
        ...(preferredSource !== undefined && { preferredSource }),
      }),
    );
  }

  detach(endpoint: EndpointRecord): void {
    const address = endpoint.interface?.ipv4?.address;
    const index = this.#host.routes.link(this.#name)?.index;
    if (address === undefined || index === undefined) return;
    try {
      this.#host.routes.run(routeRequests.delete({ destination: `${address}/32`, index }));
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  }

  /** The host's own address in the subnet of an endpoint: an answer to another would take the way by the gateway. */
  #addressBeside(address: string): string | undefined {
    const wanted = parseAddress(address);
    const own = this.#host.routes.addresses({ family: 'inet' }).find((candidate) => {
      const prefix = parsePrefix(`${candidate.address}/${candidate.prefixLength}`)?.prefix;
      return wanted !== undefined && prefix !== undefined && contains(prefix, wanted);
    });
    return own?.local ?? own?.address;
  }

  async delete(): Promise<void> {
    if (this.#host.routes.link(this.#name)?.alias === this.#alias) await this.#host.reaper.reap(this.#name);
  }
}
