import { BerthError } from '@berth/core';
import type { Driver } from '../drivers/driver.js';
import type { NetworkSpec } from '../model.js';

/** What the API reserves for networks that Berth makes itself, and for `--network container:NAME`. */
const RESERVED_NAMES = ['bridge', 'host', 'none', 'default', 'container'];
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
  const { name, ipam, enableIPv4 = true, enableIPv6 = false } = spec;
  if (!NAME.test(name)) {
    const right = 'it should be a letter or digit, then letters, digits, "_", "." or "-"';
    throw new BerthError('invalid', `invalid network name "${name}": ${right}`, { subject: name });
  }
  if (!predefined) checkCustom(spec);
  const driver = drivers.get(spec.driver);
  if (driver === undefined) {
    const have = [...drivers.keys()].join(', ');
    throw spec.driver === 'overlay'
      ? new BerthError('unsupported', `network driver overlay is not supported: there are ${have}`)
      : new BerthError('not-found', `network driver "${spec.driver}" not found: there are ${have}`);
  }
  if (driver.hasAddresses && !enableIPv4 && !enableIPv6)
    throw new BerthError('invalid', `network ${name}: IPv4 or IPv6 must be enabled`, { subject: name });
  if (ipam?.driver !== undefined && ipam.driver !== '' && ipam.driver !== 'default') {
    throw new BerthError('unsupported', `IPAM driver "${ipam.driver}" is not supported: there is "default"`);
  }
  const [option] = Object.keys(ipam?.options ?? {});
  if (option !== undefined)
    throw new BerthError('unsupported', `IPAM option ${option} is not supported: leave it out`);
}

/** What a network takes from a configuration can't be given beside it. */
export function checkConfigFrom({
  name,
  ipam,
  options,
  internal,
  enableIPv6,
  configOnly,
}: NetworkSpec): void {
  const given =
    (ipam?.config.length ?? 0) > 0 ||
    Object.keys(options).length > 0 ||
    internal === true ||
    enableIPv6 === true ||
    configOnly === true;
  if (!given) return;
  throw new BerthError(
    'forbidden',
    'user specified configurations are not supported if the network depends on a configuration network',
    { subject: name },
  );
}

function checkCustom({ name, driver, configOnly }: NetworkSpec): void {
  if (RESERVED_NAMES.includes(name)) {
    throw new BerthError('forbidden', `operation is not permitted on predefined ${name} network`, {
      subject: name,
    });
  }
  if ((driver === 'host' || driver === 'null') && configOnly !== true) {
    throw new BerthError('forbidden', `only one instance of "${driver}" network is allowed`, {
      subject: name,
    });
  }
}
