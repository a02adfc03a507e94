import type { HostInABox } from './host-in-a-box.js';

/** What the inspection of a container says of a connection. */
export interface EndpointSettings {
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly MacAddress: string;
  readonly GwPriority: number;
  readonly Aliases: string[] | null;
  readonly IPAMConfig: object | null;
}

/** The connections of a container, by network. */
export async function endpointsOf(box: HostInABox, name: string): Promise<Record<string, EndpointSettings>> {
  const shown = await box.berth('inspect', '-f', '{{json .NetworkSettings.Networks}}', name);
  return JSON.parse(shown) as Record<string, EndpointSettings>;
}

/** Interfaces of a container besides lo, with their addresses: `eth0 10.1.0.2/24 fd00::2/64`. */
export async function interfacesOf(box: HostInABox, name: string): Promise<string[]> {
  const lines = (await box.berth('exec', name, 'ip', '-o', 'address')).split('\n');
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const [, device = '', address = ''] = /^\d+: (\S+)\s+inet6? (\S+)/.exec(line) ?? [];
    if (device === '' || device === 'lo') continue;
    // The kernel's own link-local address, made of the MAC address (RFC 4291, appendix A).
    if (/^fe80:.*ff:fe/.test(address)) continue;
    found.set(device, [...(found.get(device) ?? []), address]);
  }
  return [...found].map(([device, addresses]) => [device, ...addresses].join(' '));
}
