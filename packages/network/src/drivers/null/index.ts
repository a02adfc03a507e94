import type { Driver, DriverNetwork } from '../driver.js';
import { NOTHING } from '../nothing.js';

/** A network stack with loopback alone: the sandbox has it already. */
export class NullDriver implements Driver {
  readonly name = 'null';
  readonly hasAddresses = false;
  readonly choosesGateway = false;
  readonly sharesSubnets = false;
  readonly sandboxKind = 'private';

  validate(): DriverNetwork {
    return NOTHING;
  }
}
