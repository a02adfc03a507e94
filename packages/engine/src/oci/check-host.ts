import { BerthError } from '@berth/core';
import type { ContainerSpec, HostSpec } from '../model.js';
import type { CgroupAbilities } from './cgroup-abilities.js';
import { capabilities } from './capabilities.js';
import { checkResources } from './check-resources.js';
import { checkDeviceMapping, parseDeviceRule } from './devices.js';
import { checkModes, defaultModes } from './namespaces.js';
import { swapOf } from './resources.js';
import { runtimeLimit } from './rlimits.js';
import { parseSecurity } from './security.js';
import { tmpfsDestination, tmpfsMountOptions, tmpfsOptions } from './tmpfs.js';

/** Sysctls of System V's IPC, which each IPC namespace has of its own (ipc_namespaces(7)). */
const IPC_SYSCTLS = new Set(
  'msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced'.split(' ').map((name) => `kernel.${name}`),
);

/**
 * Holds what a client asks of the host against what makes sense and what this kernel can do.
 *
 * @returns the same with the defaults filled in and what the kernel cannot do left out; that is told in `warnings`
 * @throws BerthError `invalid`, in Docker's wording, or `unsupported`
 */
export function checkHost(
  spec: ContainerSpec,
  abilities: CgroupAbilities,
): { readonly host: HostSpec; readonly warnings: readonly string[] } {
  const { host } = spec;
  checkModes(host);
  checkNames(spec);
  checkRange(host);
  capabilities(host.capAdd ?? [], host.capDrop ?? [], false);
  for (const mapping of host.devices ?? []) checkDeviceMapping(mapping);
  for (const rule of host.deviceCgroupRules ?? []) parseDeviceRule(rule);
  for (const limit of host.ulimits ?? []) runtimeLimit(limit);
  for (const [destination, options] of Object.entries(host.tmpfs ?? {})) {
    tmpfsDestination(destination);
    tmpfsOptions(options);
  }
  for (const mount of host.mounts ?? []) if (mount.type === 'tmpfs') tmpfsMountOptions(mount);
  parseSecurity(host.securityOptions ?? []);
  for (const name of Object.keys(host.sysctls ?? {})) checkSysctl(name, host);
  if (Object.hasOwn(host.annotations ?? {}, ''))
    throw new BerthError(
      'invalid',
      'invalid Annotations: the empty string is not permitted as an annotation key',
    );
  const { resources, warnings } = checkResources(host.resources ?? {}, abilities);
  const modes = defaultModes(host, abilities.version);
  const lacksNamespace = modes.cgroupnsMode === 'private' && !abilities.cgroupNamespaces;
  return {
    host: {
      ...host,
      ...modes,
      ...(lacksNamespace && { cgroupnsMode: 'host' }),
      resources: {
        ...(abilities.oomKillDisable && { oomKillDisable: false }),
        ...resources,
        memorySwap: swapOf(resources),
      },
    },
    warnings: [
      ...warnings,
      ...(lacksNamespace
        ? ['Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.']
        : []),
    ],
  };
}

function checkNames({ host, hostname, domainname }: ContainerSpec): void {
  if (host.utsMode === 'host' && hostname !== undefined)
    throw new BerthError('invalid', 'conflicting options: hostname and the UTS mode');
  // The kernel's limit: __NEW_UTS_LEN of linux/utsname.h.
  if (domainname !== undefined && (domainname.length > 64 || /[^\x21-\x7e]/.test(domainname)))
    throw new BerthError('invalid', `invalid domainname: ${domainname}; at most 64 printable characters`);
}

function checkRange({ oomScoreAdj = 0, shmSize = 0, cgroupParent = '/' }: HostSpec): void {
  if (!/^[\x21-\x7e]+$/.test(cgroupParent))
    throw new BerthError('invalid', `invalid cgroup parent: ${JSON.stringify(cgroupParent)}`);
  if (oomScoreAdj < -1000 || oomScoreAdj > 1000) {
    throw new BerthError('invalid', `Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (shmSize >= 2 ** 63) throw new BerthError('invalid', `invalid SHM size: ${shmSize} is too large`);
  if (shmSize < 0) throw new BerthError('invalid', 'SHM size can not be less than 0');
}

/** Only what a container's own namespaces hold: anything else would be the host's. */
function checkSysctl(name: string, { networkMode, ipcMode, utsMode }: HostSpec): void {
  const dotted = name.replaceAll('/', '.');
  // Names are parts of a path below /proc/sys.
  if (!/^[\w:@-]+(\.[\w:@-]+)+$/.test(dotted))
    throw new BerthError('invalid', `invalid sysctl: "${name}"`, { subject: name });
  if (dotted.startsWith('net.')) {
    if (networkMode === 'host') throw notAllowed(name, 'network');
    // Docker's: the interface is not there yet when sysctls are set.
    if (/^net\.[^.]+\.[^.]+\.eth\d+\./.test(dotted)) {
      throw new BerthError(
        'invalid',
        `interface specific sysctl setting "${name}" must be supplied using driver option 'com.docker.network.endpoint.sysctls'`,
        { subject: name },
      );
    }
    return;
  }
  if (IPC_SYSCTLS.has(dotted) || dotted.startsWith('fs.mqueue.')) {
    if (ipcMode === 'host') throw notAllowed(name, 'IPC');
    return;
  }
  if (dotted === 'kernel.domainname') {
    if (utsMode === 'host') throw notAllowed(name, 'UTS');
    return;
  }
  throw new BerthError(
    'invalid',
    `sysctl "${name}" is not in a separate kernel namespace: net.*, fs.mqueue.* and System V's of kernel.* are`,
    { subject: name },
  );
}

function notAllowed(name: string, namespace: string): BerthError {
  return new BerthError('invalid', `sysctl "${name}" not allowed in host ${namespace} namespace`, {
    subject: name,
  });
}
