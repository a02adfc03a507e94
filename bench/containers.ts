import type { ApiClient } from './api-client.js';

export interface Placed {
  /** Path of its network namespace, in the mount namespace of the daemon. */
  readonly sandboxPath: string;
  /** Its IPv4 address on its first network. */
  readonly address: string;
}

/** Where a running container is. */
export async function placeOf(api: ApiClient, name: string): Promise<Placed> {
  const { NetworkSettings: settings } = await api.call<{
    NetworkSettings: { SandboxKey: string; Networks: Record<string, { IPAddress: string }> };
  }>('GET', `/containers/${name}/json`);
  const [network] = Object.values(settings.Networks);
  return { sandboxPath: settings.SandboxKey, address: network?.IPAddress ?? '' };
}
