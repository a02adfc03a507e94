import { BerthError } from '@berth/core';
import type { Driver } from '../drivers/driver.js';
import type { NetworkSpec } from '../model.js';

/** What the API reserves for networks that Berth makes itself, and for `--network container:NAME`. */
const RESERVED_NAMES = ['bridge', 'host', 'none', 'default', 'container'];
/** Drivers of Docker's that Berth has not. */
const KNOWN_DRIVERS = ['macvlan', 'ipvlan', 'overlay'];
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/**
 * Checks what doesn't need the other networks or the kernel.
 *
 * @throws BerthError `invalid`, `forbidden`, `unsupported`, `not-found`
 */
export function checkNetworkSpec(
  spec: NetworkSpec,
  predefined: boolean,
  drivers: ReadonlyMap<string, Driver>,
): void {
  const { name, ipam } = spec;
  if (!NAME.test(name)) {
    const right = 'it should be a letter or digit, then letters, digits, "_", "." or "-"';
    throw new BerthError('invalid', `invalid network name "${name}": ${right}`, { subject: name });
  }
  if (!predefined) checkCustom(spec);
  if (!drivers.has(spec.driver)) {
    const have = [...drivers.keys()].join(', ');
    throw KNOWN_DRIVERS.includes(spec.driver)
      ? new BerthError('unsupported', `network driver ${spec.driver} is not supported yet: there are ${have}`)
      : new BerthError('not-found', `network driver "${spec.driver}" not found: there are ${have}`);
  }
  if (spec.enableIPv6 === true) {
    throw new BerthError('unsupported', `network ${name}: IPv6 networks are not supported yet`, {
      subject: name,
    });
  }
  if (ipam?.driver !== undefined && ipam.driver !== '' && ipam.driver !== 'default') {
    throw new BerthError('unsupported', `IPAM driver "${ipam.driver}" is not supported: there is "default"`);
  }
  const [option] = Object.keys(ipam?.options ?? {});
  if (option !== undefined)
    throw new BerthError('unsupported', `IPAM option ${option} is not supported: leave it out`);
  if ((ipam?.config.length ?? 0) > 1) {
    throw new BerthError(
      'unsupported',
      "invalid network config: bridge driver doesn't support multiple subnets",
    );
  }
}

function checkCustom({ name, driver }: NetworkSpec): void {
  if (RESERVED_NAMES.includes(name)) {
    throw new BerthError('forbidden', `operation is not permitted on predefined ${name} network`, {
      subject: name,
    });
  }
  if (driver === 'host' || driver === 'null') {
    throw new BerthError('forbidden', `only one instance of "${driver}" network is allowed`, {
      subject: name,
    });
  }
}
