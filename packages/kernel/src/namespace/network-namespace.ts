import { closeSync, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { pbkdf2 } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { BerthError } from '@berth/core';
import { isErrno } from '../errors.js';
import { check, mount, setns, umount2, unshare } from '../libc/index.js';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;
/** include/uapi/linux/mount.h; umount2(2) */
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x100000;
const MNT_DETACH = 2;

/** Where iproute2 keeps its named namespaces (ip-netns(8)). */
export const NETNS_DIRECTORY = '/run/netns';

/** The namespace of the calling thread; /proc/self would be that of the main thread. */
const THREAD_NAMESPACE = '/proc/thread-self/ns/net';

/** A handle on a network namespace. The namespace lives as long as a handle, a process or a bind mount holds it. */
export class NetworkNamespace implements Disposable {
  /** What tells namespaces apart: the inode on the kernel's namespace file system. */
  readonly inode: bigint;
  readonly #fd: number;
  #open = true;

  private constructor(fd: number) {
    this.#fd = fd;
    this.inode = fstatSync(fd, { bigint: true }).ino;
  }

  /**
   * The handle's descriptor.
   *
   * @throws BerthError `internal` when it is closed: its number may be another namespace's by now
   */
  get fd(): number {
    if (this.#open) return this.#fd;
    throw new BerthError('internal', `the handle on network namespace ${this.inode} is closed`);
  }

  /** The namespace of the calling thread. */
  static current(): NetworkNamespace {
    return NetworkNamespace.open(THREAD_NAMESPACE);
  }

  /**
   * The namespace at a path: a bind mount, or /proc/PID/ns/net.
   *
   * @throws BerthError `not-found` where there is none
   */
  static open(path: string): NetworkNamespace {
    try {
      return new NetworkNamespace(openSync(path, 'r'));
    } catch (cause) {
      throw new BerthError('not-found', `cannot open the network namespace ${path}: ${String(cause)}`, {
        cause,
      });
    }
  }

  /** The namespace of a process. */
  static ofProcess(pid: number): NetworkNamespace {
    return NetworkNamespace.open(`/proc/${pid}/ns/net`);
  }

  /**
   * Makes a namespace and holds it by a bind mount on `path`, as `ip netns add` does; its loopback is left down.
   *
   * @throws BerthError `conflict` where the path is taken
   */
  static create(path: string): NetworkNamespace {
    const directory = dirname(path);
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    if (directory === NETNS_DIRECTORY) shareMounts(directory);
    try {
      closeSync(openSync(path, 'wx', 0o444));
    } catch (cause) {
      throw new BerthError('conflict', `cannot create namespace file ${path}: ${String(cause)}`, { cause });
    }
    try {
      using home = NetworkNamespace.current();
      check(unshare(CLONE_NEWNET), 'unshare network namespace');
      try {
        check(mount(THREAD_NAMESPACE, path, null, MS_BIND, null), 'bind namespace to', path);
        return NetworkNamespace.current();
      } finally {
        comeBack(home);
      }
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  /** Lets go of the namespace at `path`; it ends when nothing else holds it. A path that is not there is fine. */
  static remove(path: string): void {
    try {
      check(umount2(path, MNT_DETACH), 'unmount', path);
    } catch (error) {
      // EINVAL: a file without a mount, which is what a crash between the two leaves.
      if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error;
    }
    rmSync(path, { force: true });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What `inNamespace` may be given: a promise would go on in the wrong namespace. */
type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Runs `fn` on this thread inside a namespace and comes back. Nothing asynchronous may be started in `fn`: it would
 * go on elsewhere, and a thread born there would stay there. If the way back fails, the process aborts.
 *
 * @throws BerthError `internal` if `fn` returns a promise
 */
export function inNamespace<T>(namespace: NetworkNamespace, fn: () => Synchronous<T>): T {
  using home = NetworkNamespace.current();
  check(setns(namespace.fd, CLONE_NEWNET), 'enter network namespace');
  let result: T;
  try {
    result = fn();
  } finally {
    comeBack(home);
  }
  if (isThenable(result)) throw new BerthError('internal', 'inNamespace: the function must be synchronous');
  return result;
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function comeBack(home: NetworkNamespace): void {
  const result = setns(home.fd, CLONE_NEWNET);
  if (result === 0) return;
  process.stderr.write(
    `cannot return to the network namespace of the process (errno ${-result}): aborting\n`,
  );
  process.abort();
}

/**
 * Makes the directory a mount point of its own with shared propagation, so that namespaces named by one process are
 * seen, and can be removed, in other mount namespaces: what `ip netns add` does (iproute2, ip/ipnetns.c).
 */
function shareMounts(directory: string): void {
  const shared = () =>
    check(mount('', directory, 'none', MS_SHARED | MS_REC, null), 'share mounts of', directory);
  try {
    shared();
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error;
    check(mount(directory, directory, 'none', MS_BIND | MS_REC, null), 'bind', directory);
    shared();
  }
}

/**
 * Has the threads of libuv's pool born now, in the namespace of the process: a thread stays where it was born, and
 * one that is born while this thread is elsewhere would do its work there.
 */
export async function warmThreadPool(): Promise<void> {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  const busy = Array.from({ length: threads * 2 }, () => promisify(pbkdf2)('', '', 20_000, 8, 'sha256'));
  await Promise.all(busy);
}
