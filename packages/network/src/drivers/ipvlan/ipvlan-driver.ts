import { linkRequests } from '@berth/kernel';
import type { NetworkRecord } from '../../records.js';
import type { Driver, DriverNetwork, HostKernel } from '../driver.js';
import { StackedNetwork, type StackedLinks } from '../stacked-network.js';
import { parseIpvlanOptions } from './options.js';

/** Endpoints with the hardware address of a link of the host, and addresses of their own. */
export class IpvlanDriver implements Driver {
  readonly name = 'ipvlan';
  readonly hasAddresses = true;
  readonly choosesGateway = true;
  readonly sharesSubnets = true;
  readonly sandboxKind = 'private';
  readonly #host: HostKernel;

  constructor(host: HostKernel) {
    this.#host = host;
  }

  validate(record: NetworkRecord): DriverNetwork {
    const { options, warnings } = parseIpvlanOptions(record);
    const { mode, flag } = options;
    const links: StackedLinks = {
      kind: 'ipvlan',
      deviceRoute: mode !== 'l2',
      // All links of a parent have one mode.
      sharesParent: false,
      add: (link) => linkRequests.addIpvlan({ ...link, mode, flag }),
    };
    return new StackedNetwork(this.#host, record, links, options, warnings);
  }
}
