import { BerthError } from '@berth/core';
import { optionValue } from '../drivers/option-values.js';

const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';
const SYSCTLS = 'com.docker.network.endpoint.sysctls';
/**
 * Settings of one interface, IFNAME standing for it: `net.ipv4.conf.IFNAME.log_martians`. In lower case too: that is what
 * docker's client makes of a `driver-opt` of `--network`.
 */
const SYSCTL = /^net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh)\.(?:IFNAME|ifname)\.[a-z0-9_]+$/;

export interface EndpointOptions {
  readonly interfaceName?: string;
  /** By path below /proc/sys: `net/ipv4/conf/IFNAME/log_martians`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/**
 * Checks the driver options of an endpoint.
 *
 * @throws BerthError `invalid` with what would be right, `unsupported` for an option that Berth has not
 */
export function endpointOptions(options: Readonly<Record<string, string>>): EndpointOptions {
  let interfaceName: string | undefined;
  let sysctls: Record<string, string> = {};
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case INTERFACE_NAME:
        interfaceName = optionValue.interfaceName(name, value);
        break;
      case SYSCTLS:
        sysctls = parseSysctls(value);
        break;
      default:
        throw new BerthError('unsupported', `endpoint option ${name} is not supported: leave it out`, {
          subject: name,
        });
    }
  }
  return { ...(interfaceName !== undefined && { interfaceName }), sysctls };
}

function parseSysctls(text: string): Record<string, string> {
  const entries = text.split(',').map((part) => {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(part.trim()) ?? [];
    if (!SYSCTL.test(name)) {
      throw new BerthError(
        'invalid',
        `invalid sysctl "${part.trim()}" in ${SYSCTLS}: it should look like net.ipv4.conf.IFNAME.log_martians=1`,
        { subject: SYSCTLS },
      );
    }
    return [name.replace('.ifname.', '.IFNAME.').replaceAll('.', '/'), value] as const;
  });
  return Object.fromEntries(entries);
}
