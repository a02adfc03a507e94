import { BerthError } from '@berth/core';
import type { HostSpec } from '../host-spec.js';

/** `linux.namespaces` of an OCI configuration: a new one, or that of the path. */
export interface RuntimeNamespace {
  readonly type: string;
  readonly path?: string;
}

/** Namespaces of other containers that one is to join, by their files. */
export interface JoinedNamespaces {
  readonly pid?: string;
  readonly ipc?: string;
}

const CONTAINER = 'container:';

/** The container of a mode `container:ID`. */
export function containerOf(mode: string | undefined): string | undefined {
  return mode?.startsWith(CONTAINER) === true ? mode.slice(CONTAINER.length) : undefined;
}

/** The modes as they are when a client leaves them open; Docker's defaults (`adaptContainerSettings`). */
export function defaultModes(
  host: HostSpec,
  cgroupVersion: 1 | 2,
): { ipcMode: string; cgroupnsMode: string } {
  return {
    ipcMode: host.ipcMode ?? 'private',
    cgroupnsMode: host.cgroupnsMode ?? (cgroupVersion === 2 && host.privileged !== true ? 'private' : 'host'),
  };
}

/** @throws BerthError `invalid`, in Docker's wording, for a mode that there is not */
export function checkModes(host: HostSpec): void {
  const { ipcMode = '', pidMode = '', utsMode = '', usernsMode = '', cgroupnsMode = '' } = host;
  const joins = (mode: string) => (containerOf(mode) ?? '') !== '';
  const checks: [boolean, string][] = [
    [
      ['', 'private', 'shareable', 'none', 'host'].includes(ipcMode) || joins(ipcMode),
      `invalid IPC mode: ${ipcMode}`,
    ],
    [['', 'host'].includes(pidMode) || joins(pidMode), `invalid PID mode: ${pidMode}`],
    [['', 'host'].includes(utsMode), `invalid UTS mode: ${utsMode}`],
    [['', 'host'].includes(usernsMode), `invalid user namespace mode: ${usernsMode}`],
    [['', 'private', 'host'].includes(cgroupnsMode), `invalid cgroup namespace mode: ${cgroupnsMode}`],
  ];
  const wrong = checks.find(([right]) => !right);
  if (wrong !== undefined) throw new BerthError('invalid', wrong[1]);
}

/** The namespaces of a container besides that of its network. */
export function namespaces(host: HostSpec, joined: JoinedNamespaces): RuntimeNamespace[] {
  const list: RuntimeNamespace[] = [{ type: 'mount' }];
  if (host.utsMode !== 'host') list.push({ type: 'uts' });
  if (host.ipcMode !== 'host') list.push(at('ipc', joined.ipc));
  if (host.pidMode !== 'host') list.push(at('pid', joined.pid));
  if (host.cgroupnsMode === 'private') list.push({ type: 'cgroup' });
  return list;
}

function at(type: string, path: string | undefined): RuntimeNamespace {
  return path === undefined ? { type } : { type, path };
}
