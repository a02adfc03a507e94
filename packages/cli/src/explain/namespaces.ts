import { readFileSync, readdirSync, statSync } from 'node:fs';
import { isErrno, mounts, NETNS_DIRECTORY, NetworkNamespace, RouteSocket, type Link } from '@berth/kernel';
import { containerCalled } from '../nsexec/container.js';

/** One network namespace of this host, and how it can be reached and called. */
interface Candidate {
  readonly inode: bigint;
  /** Files on which it is mounted: /run/netns/…, a container's sandbox. */
  readonly paths: string[];
  readonly pids: number[];
}

interface KnownNamespaces {
  /** That of process 1; hidden from whoever may not look at it. */
  readonly host: bigint | undefined;
  readonly own: bigint | undefined;
}

/** Whose namespace it is, and the interface asked for, where it could be seen. */
export interface FoundNamespace {
  readonly owner: string;
  readonly link: Link | undefined;
}

const NAMED = `${NETNS_DIRECTORY}/`;

/**
 * Tells whose namespace a number (`link-netnsid`) stands for. A namespace is known by the files that it is
 * mounted on and by the processes that live in it; one that has neither can't be found.
 */
export class NamespaceFinder {
  readonly #candidates: readonly Candidate[];
  readonly #owners = new Map<bigint, string>();

  private constructor(
    candidates: readonly Candidate[],
    private readonly known: KnownNamespaces,
  ) {
    this.#candidates = candidates;
  }

  /** Looks once at this host's mounts and processes, and asks the daemon (if one answers) for containers' names. */
  static async open(): Promise<NamespaceFinder> {
    const finder = new NamespaceFinder(candidates(), {
      host: inodeOf('/proc/1/ns/net'),
      own: inodeOf('/proc/self/ns/net'),
    });
    for (const candidate of finder.#candidates) {
      finder.#owners.set(candidate.inode, await ownerOf(candidate, finder.known));
    }
    return finder;
  }

  /**
   * In words: `container web`, `the namespace ns1`; and the interface with a number there.
   *
   * @param socket of the namespace that knows the other by `id`
   */
  find(socket: RouteSocket, id: number, index: number | undefined): FoundNamespace | undefined {
    for (const candidate of this.#candidates) {
      using namespace = openCandidate(candidate);
      if (namespace === undefined || socket.namespaceId(namespace) !== id) continue;
      const owner = this.#owners.get(candidate.inode) ?? 'another namespace';
      return { owner, link: index === undefined ? undefined : linkIn(namespace, index) };
    }
    return undefined;
  }
}

/** An interface of another namespace; `undefined` where it is gone, or may not be looked at without root rights. */
function linkIn(namespace: NetworkNamespace, index: number): Link | undefined {
  try {
    using socket = RouteSocket.open(namespace);
    return socket.link(index);
  } catch (error) {
    if (isErrno(error, 'EPERM')) return undefined;
    throw error;
  }
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    // Gone, or not ours to look at.
    return undefined;
  }
}

function candidates(): Candidate[] {
  const byInode = new Map<bigint, Candidate>();
  const at = (inode: bigint) => {
    let candidate = byInode.get(inode);
    if (candidate === undefined) byInode.set(inode, (candidate = { inode, paths: [], pids: [] }));
    return candidate;
  };
  for (const { root, mountPoint } of mounts()) {
    const inode = /^net:\[(\d+)\]$/.exec(root)?.[1];
    if (inode !== undefined) at(BigInt(inode)).paths.push(mountPoint);
  }
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const inode = inodeOf(`/proc/${entry}/ns/net`);
    if (inode !== undefined) at(inode).pids.push(Number(entry));
  }
  return [...byInode.values()];
}

function openCandidate(candidate: Candidate): NetworkNamespace | undefined {
  for (const path of [
    ...candidate.paths,
    ...candidate.pids.slice(0, 3).map((pid) => `/proc/${pid}/ns/net`),
  ]) {
    // A mount can be hidden by another one on top of it: then the file is some other's.
    if (inodeOf(path) !== candidate.inode) continue;
    try {
      return NetworkNamespace.open(path);
    } catch {
      // Gone meanwhile: the next way in.
    }
  }
  return undefined;
}

async function ownerOf(candidate: Candidate, { host, own }: KnownNamespaces): Promise<string> {
  if (candidate.inode === host) return "the host's own namespace";
  const paths = candidate.paths;
  const sandbox = paths
    .map((path) => /\/netns\/([0-9a-f]{12})$/.exec(path)?.[1])
    .find((id) => id !== undefined);
  const container = sandbox === undefined ? undefined : await containerCalled(sandbox);
  if (container !== undefined) return `container ${container}`;
  const names = [
    ...new Set(paths.filter((path) => path.startsWith(NAMED)).map((path) => path.slice(NAMED.length))),
  ];
  if (names.length > 0) return `the namespace ${names.join(' = ')}`;
  if (candidate.inode === own) return 'the namespace that this command runs in';
  const [pid] = candidate.pids.sort((a, b) => a - b);
  if (pid !== undefined) return `the namespace of process ${pid} (${commandOf(pid)})`;
  return `the namespace at ${paths[0] ?? '?'}`;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'ended';
  }
}
