import { opendirSync } from 'node:fs';
import { NETNS_DIRECTORY, NetworkNamespace, type Link, type RouteSocket } from '@berth/kernel';
import type { Explainer } from '../explain/index.js';
import type { Options } from './options.js';
import { IpFailure } from './failure.js';

/** The names of the network namespaces of this host, in the directory's own order, as `ip netns` has it. */
export function namespaceNames(): string[] {
  const names: string[] = [];
  try {
    using directory = opened(NETNS_DIRECTORY);
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync())
      names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return names;
}

function opened(path: string) {
  const directory = opendirSync(path);
  return { readSync: () => directory.readSync(), [Symbol.dispose]: () => directory.closeSync() };
}

/** What printing needs to know beside the thing printed: the other interfaces, and how namespaces are called. */
export class View {
  readonly #links: readonly Link[];
  readonly #byIndex: ReadonlyMap<number, Link>;
  #namespaceNames: Map<number, string> | undefined;

  constructor(
    private readonly socket: RouteSocket,
    readonly options: Options,
    readonly explainer: Explainer | undefined,
  ) {
    this.#links = socket.links({ statistics: options.statistics > 0 });
    this.#byIndex = new Map(this.#links.map((link) => [link.index, link]));
  }

  get links(): readonly Link[] {
    return this.#links;
  }

  link(index: number): Link | undefined {
    return this.#byIndex.get(index);
  }

  named(name: string): Link | undefined {
    return this.#links.find((link) => link.name === name || link.altNames.includes(name));
  }

  /** An interface's name; `if7` where there is none of that number. */
  nameOf(index: number): string {
    return this.link(index)?.name ?? `if${index}`;
  }

  /** The interface called `name`; @throws IpFailure with status 1 */
  needed(name: string): Link {
    const link = this.named(name);
    if (link === undefined) throw new IpFailure(`Cannot find device "${name}"`, 1);
    return link;
  }

  /** The name below /run/netns of the namespace that this one knows by a number. */
  namespaceName(id: number): string | undefined {
    if (this.#namespaceNames === undefined) {
      this.#namespaceNames = new Map();
      for (const name of namespaceNames()) {
        const known = namespaceIdOf(this.socket, name);
        if (known !== undefined && !this.#namespaceNames.has(known)) this.#namespaceNames.set(known, name);
      }
    }
    return this.#namespaceNames.get(id);
  }
}

/** The number by which the socket's namespace knows a named one; `undefined` for none, or a file that is no namespace. */
export function namespaceIdOf(socket: RouteSocket, name: string): number | undefined {
  try {
    using namespace = NetworkNamespace.open(`${NETNS_DIRECTORY}/${name}`);
    return socket.namespaceId(namespace);
  } catch {
    return undefined;
  }
}
