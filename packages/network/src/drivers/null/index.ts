import type { Driver, DriverNetwork } from '../driver.js';

/** A network stack with loopback alone: the sandbox has it already. */
export class NullDriver implements Driver {
  readonly name = 'null';
  readonly hasAddresses = false;
  readonly sandboxKind = 'private';

  validate(): DriverNetwork {
    return NOTHING;
  }
}

const NOTHING: DriverNetwork = {
  warnings: [],
  isGateway: false,
  interfacePrefix: 'eth',
  create: () => undefined,
  delete: () => Promise.resolve(),
  attach: () => undefined,
  restore: () => undefined,
  detach: () => Promise.resolve(),
};
