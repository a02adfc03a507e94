import { connect } from './api-client.js';
import type { ContainerInspect } from './api-types.js';

export interface ResolvedContainer {
  readonly id: string;
  readonly name: string;
  /** The host's number of its first process; 0 when it does not run. */
  readonly pid: number;
  /** The file of its network namespace. */
  readonly sandboxPath?: string;
}

/** The container of a name or id, as the daemon knows it. @throws ApiError, DaemonUnreachable */
export async function resolveContainer(name: string): Promise<ResolvedContainer> {
  const path = `/containers/${encodeURIComponent(name)}/json`;
  const shown = await connect().call<ContainerInspect>('GET', path, { query: { ranges: 1 } });
  const { Id, Name, State, NetworkSettings } = shown;
  const sandboxPath = NetworkSettings.SandboxKey;
  return {
    id: Id,
    name: Name.replace(/^\//, ''),
    pid: State.Pid,
    ...(sandboxPath === '' ? {} : { sandboxPath }),
  };
}
