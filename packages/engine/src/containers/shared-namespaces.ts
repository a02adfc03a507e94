import { existsSync, mkdirSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { mount } from '@berth/kernel';
import type { ContainerSpec, HostSpec } from '../model.js';
import { DEFAULT_SHM_SIZE } from '../oci/mounts.js';
import { containerOf, type JoinedNamespaces } from '../oci/namespaces.js';
import { pathsOf, type ContainerContext } from './context.js';
import { askedContainer } from './network-mode.js';
import { processAlive } from './process.js';
import type { ContainerRecord } from './table.js';

/** The modes `container:NAME` of a request for a new container, with ids. @throws BerthError `invalid` */
export function resolveModes(context: ContainerContext, { host }: ContainerSpec): HostSpec {
  const resolved = (mode: string | undefined) => {
    const reference = containerOf(mode);
    return reference === undefined ? mode : `container:${askedContainer(context, reference).id}`;
  };
  return { ...host, pidMode: resolved(host.pidMode), ipcMode: resolved(host.ipcMode) };
}

/** What a container that is about to start has of others', and the host's. */
export interface SharedNamespaces {
  readonly joined: JoinedNamespaces;
  /** The directory that is its `/dev/shm`, if it is not its own alone. */
  readonly shm?: string;
}

/**
 * Finds the namespaces that a container joins, and makes the memory that others may share with it: a mount in its
 * bundle.
 *
 * @throws BerthError `conflict`, in Docker's wording, where the other container does not run or does not share
 */
export function shareNamespaces(context: ContainerContext, record: ContainerRecord): SharedNamespaces {
  const { host } = record.spec;
  const pidOf = containerOf(host.pidMode);
  const ipcOf = containerOf(host.ipcMode);
  const joined = {
    ...(pidOf !== undefined && { pid: namespaceFile(running(context, pidOf, 'PID'), 'pid') }),
    ...(ipcOf !== undefined && { ipc: namespaceFile(running(context, ipcOf, 'IPC'), 'ipc') }),
  };
  if (host.ipcMode === 'host') return { joined, shm: '/dev/shm' };
  if (ipcOf !== undefined) {
    const shm = pathsOf(context, ipcOf).shm;
    if (!existsSync(shm)) {
      throw new BerthError(
        'conflict',
        `can't join IPC of container ${ipcOf}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      );
    }
    return { joined, shm };
  }
  if (host.ipcMode !== 'shareable') return { joined };
  const shm = pathsOf(context, record.id).shm;
  mkdirSync(shm, { recursive: true, mode: 0o1777 });
  mount({
    source: 'shm',
    target: shm,
    type: 'tmpfs',
    flags: ['noSuid', 'noDev', 'noExec'],
    data: `mode=1777,size=${host.shmSize ?? DEFAULT_SHM_SIZE}`,
  });
  return { joined, shm };
}

function running({ table }: ContainerContext, id: string, what: string): ContainerRecord {
  const record = table.find(id);
  if (processAlive(record)) return record;
  throw new BerthError('conflict', `cannot join ${what} of a non running container: ${id}`, { subject: id });
}

function namespaceFile({ state }: ContainerRecord, type: string): string {
  return `/proc/${state.pid}/ns/${type}`;
}
