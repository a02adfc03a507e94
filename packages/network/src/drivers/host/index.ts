import type { Driver, DriverNetwork } from '../driver.js';
import { NOTHING } from '../nothing.js';

/** The host's own network stack: there is nothing to make, and nothing to take away. */
export class HostDriver implements Driver {
  readonly name = 'host';
  readonly hasAddresses = false;
  readonly choosesGateway = false;
  readonly sharesSubnets = false;
  readonly sandboxKind = 'host';

  validate(): DriverNetwork {
    return NOTHING;
  }
}
