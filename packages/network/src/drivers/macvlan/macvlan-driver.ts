import { linkRequests } from '@berth/kernel';
import type { NetworkRecord } from '../../records.js';
import type { Driver, DriverNetwork, HostKernel } from '../driver.js';
import { StackedNetwork, type StackedLinks } from '../stacked-network.js';
import { HostAccess } from './host-access.js';
import { parseMacvlanOptions } from './options.js';

/** Endpoints with hardware addresses of their own on a link of the host: machines of the network that it leads to. */
export class MacvlanDriver implements Driver {
  readonly name = 'macvlan';
  readonly hasAddresses = true;
  readonly choosesGateway = true;
  readonly sharesSubnets = true;
  readonly sandboxKind = 'private';
  readonly #host: HostKernel;

  constructor(host: HostKernel) {
    this.#host = host;
  }

  validate(record: NetworkRecord): DriverNetwork {
    const { options, warnings } = parseMacvlanOptions(record);
    const { mode, hostAccess } = options;
    const links: StackedLinks = {
      kind: 'macvlan',
      deviceRoute: false,
      sharesParent: mode !== 'passthru',
      ...(hostAccess && { companion: (parent) => new HostAccess(this.#host, parent, record.id) }),
      add: (link, address) =>
        // In passthru mode it has the address of its parent: another one would be given to that too.
        linkRequests.addMacvlan({ ...link, mode, ...(mode !== 'passthru' && { address }) }),
    };
    return new StackedNetwork(this.#host, record, links, options, warnings);
  }
}
