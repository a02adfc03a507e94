import type { HostSpec } from '../host-spec.js';
import type { ContainerMount } from '../volumes/model.js';
import { runtimeMounts, type RuntimeMount } from '../volumes/runtime-mounts.js';
import { tmpfsDestination, tmpfsMountOptions, tmpfsOptions } from './tmpfs.js';

/** Bytes of `/dev/shm`; Docker's. */
export const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

/** Where a container finds the program that is its first process, if it asked for one. */
export const INIT_DESTINATION = '/sbin/docker-init';

const PLAIN = ['nosuid', 'noexec', 'nodev'];

export interface MountsInput {
  readonly host: HostSpec;
  readonly mounts: readonly ContainerMount[];
  /** Files of Berth's own that lie over the image's. */
  readonly files: { readonly hosts: string; readonly hostname: string; readonly resolvConf: string };
  /** Where the content of a mount is by now, by its destination, when that is not its `source`. */
  readonly sources?: ReadonlyMap<string, string>;
  /** A directory of the host that is to be `/dev/shm`: of a container that shares its IPC, or of the host. */
  readonly shm?: string;
  /** The init program on the host. */
  readonly init?: string;
}

/** All mounts of a container, in the order in which they are to be made. */
export function containerMounts(input: MountsInput): RuntimeMount[] {
  const { host, mounts, sources, init } = input;
  const own = byDepth([...runtimeMounts(mounts, sources), ...tmpfsMounts(host, mounts)]);
  const taken = new Set(own.map(({ destination }) => destination));
  // What a user mounts takes the place of what would be there anyway, and of everything below.
  const free = ({ destination }: RuntimeMount) =>
    !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/'));
  return [
    ...[...systemMounts(host.privileged ?? false), ...sharedMemory(input)].filter(free),
    ...fileMounts(input).filter(free),
    ...own,
    ...(init === undefined
      ? []
      : [{ destination: INIT_DESTINATION, type: 'bind', source: init, options: ['bind', 'ro'] }]),
  ];
}

function systemMounts(privileged: boolean): RuntimeMount[] {
  const access = privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: PLAIN },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...PLAIN, access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, ...PLAIN] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: PLAIN },
  ];
}

function sharedMemory({ host, shm }: MountsInput): RuntimeMount[] {
  const destination = '/dev/shm';
  if (host.ipcMode === 'none') return [];
  if (shm !== undefined)
    return [{ destination, type: 'bind', source: shm, options: ['rbind', 'rprivate', ...PLAIN] }];
  const options = [...PLAIN, 'mode=1777', `size=${host.shmSize ?? DEFAULT_SHM_SIZE}`];
  return [{ destination, type: 'tmpfs', source: 'shm', options }];
}

function fileMounts({ files }: MountsInput): RuntimeMount[] {
  return [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ].map(([destination = '', source = '']) => ({
    destination,
    type: 'bind',
    source,
    options: ['rbind', 'rprivate'],
  }));
}

function tmpfsMounts({ tmpfs = {} }: HostSpec, mounts: readonly ContainerMount[]): RuntimeMount[] {
  const plain = Object.entries(tmpfs).map(([path, options]) => ({
    destination: tmpfsDestination(path),
    options: tmpfsOptions(options),
  }));
  const full = mounts
    .filter(({ type }) => type === 'tmpfs')
    .map(({ destination, tmpfs: spec = {}, readWrite }) => ({
      destination,
      options: tmpfsMountOptions({ ...spec, readOnly: !readWrite }),
    }));
  return [...plain, ...full].map((mount) => ({ ...mount, type: 'tmpfs', source: 'tmpfs' }));
}

/** Parents first, so that a mount does not cover another that is made below it. */
function byDepth(mounts: readonly RuntimeMount[]): RuntimeMount[] {
  const depth = ({ destination }: RuntimeMount) => destination.split('/').length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}
