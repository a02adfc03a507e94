import { check, mount as libcMount, umount2 } from '../libc/index.js';

/** MS_* of include/uapi/linux/mount.h. */
const FLAGS = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  synchronous: 0x10,
  remount: 0x20,
  mandatoryLocks: 0x40,
  synchronousDirectories: 0x80,
  noAccessTime: 0x400,
  noDirectoryAccessTime: 0x800,
  bind: 0x1000,
  recursive: 0x4000,
  private: 0x40000,
  slave: 0x80000,
  shared: 0x100000,
  relativeAccessTime: 0x200000,
  strictAccessTime: 0x1000000,
} as const;

export type MountFlag = keyof typeof FLAGS;

/** MNT_DETACH of umount2(2). */
const MNT_DETACH = 2;

export interface MountRequest {
  /** A device, folder or word, as the file system wants it. */
  readonly source?: string;
  readonly target: string;
  readonly type?: string;
  readonly flags?: readonly MountFlag[];
  /** Options of the file system, comma separated: `lowerdir=…,upperdir=…,workdir=…`. */
  readonly data?: string;
}

/** mount(2). @throws KernelError that names the target */
export function mount(request: MountRequest): void {
  check(libcMount(...mountArguments(request)), 'mount', request.target);
}

/** The same without holding up this thread: for what waits for a server that may be far away, or gone. */
export async function mountInBackground(request: MountRequest): Promise<void> {
  check(await libcMount.async(...mountArguments(request)), 'mount', request.target);
}

function mountArguments({ source, target, type, flags = [], data }: MountRequest) {
  const bits = flags.reduce((sum, flag) => sum | FLAGS[flag], 0);
  return [source ?? null, target, type ?? null, bits, data ?? null] as const;
}

/**
 * Shows a file or folder at a second place, read-only if asked for.
 *
 * @throws KernelError; nothing is left mounted then
 */
export function bindMount(
  source: string,
  target: string,
  options: { readonly recursive?: boolean; readonly readOnly?: boolean } = {},
): void {
  mount({ source, target, flags: options.recursive === true ? ['bind', 'recursive'] : ['bind'] });
  if (options.readOnly !== true) return;
  try {
    // A bind takes its flags only in a second step (mount(2)).
    mount({ target, flags: ['bind', 'remount', 'readOnly'] });
  } catch (error) {
    unmount(target, { detach: true });
    throw error;
  }
}

/** umount2(2). `detach`: out of sight at once, gone when nobody uses it. @throws KernelError that names the target */
export function unmount(target: string, options: { readonly detach?: boolean } = {}): void {
  check(umount2(target, options.detach === true ? MNT_DETACH : 0), 'unmount', target);
}

/**
 * The options of an overlay mount.
 *
 * @param lower folders from the top down
 */
export function overlayOptions(layers: { lower: readonly string[]; upper: string; work: string }): string {
  // Colons separate lower folders, commas options; both are escaped by a backslash (Documentation/filesystems/overlayfs.rst).
  const escape = (path: string): string => path.replaceAll(/[\\:,]/g, '\\$&');
  const lower = layers.lower.map(escape).join(':');
  return `lowerdir=${lower},upperdir=${escape(layers.upper)},workdir=${escape(layers.work)}`;
}
