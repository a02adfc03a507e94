import { mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { isBerthError, shortId } from '@berth/core';
import { NetworkNamespace, RouteSocket, inNamespace, linkRequests, writeSysctl } from '@berth/kernel';
import type { SandboxId } from '../model.js';

/** NSFS_MAGIC (include/uapi/linux/magic.h): a file that is a namespace, and not just the place for one. */
const NSFS_MAGIC = 0x6e736673;

/** The namespace files of sandboxes, in a folder of their own. */
export class SandboxNamespaces {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  pathOf(sandbox: SandboxId): string {
    return join(this.#folder, shortId(sandbox));
  }

  /** Makes a sandbox's namespace, its loopback up. */
  create(sandbox: SandboxId): void {
    const path = this.pathOf(sandbox);
    using namespace = NetworkNamespace.create(path);
    try {
      inNamespace(namespace, () => {
        using routes = RouteSocket.open();
        routes.run(linkRequests.set({ name: 'lo' }, { up: true }));
        withoutIPv6();
      });
    } catch (error) {
      NetworkNamespace.remove(path);
      throw error;
    }
  }

  /** Whether the sandbox's namespace is still there: none outlives a reboot. */
  isAlive(sandbox: SandboxId): boolean {
    try {
      return statfsSync(this.pathOf(sandbox)).type === NSFS_MAGIC;
    } catch {
      return false;
    }
  }

  open(sandbox: SandboxId): NetworkNamespace {
    return NetworkNamespace.open(this.pathOf(sandbox));
  }

  /** Lets go of a sandbox's namespace; one that is not there is no error. */
  remove(sandbox: SandboxId): void {
    NetworkNamespace.remove(this.pathOf(sandbox));
  }

  /** Removes the files of all sandboxes but those of `wanted`. */
  removeOthers(wanted: Iterable<SandboxId>): void {
    const names = new Set([...wanted].map(shortId));
    for (const name of readdirSync(this.#folder)) {
      if (!names.has(name)) NetworkNamespace.remove(join(this.#folder, name));
    }
  }
}

/**
 * Interfaces of IPv4 networks get no IPv6 address, not even a link-local one. As the default of the sandbox it costs one
 * write for the sandbox, not one for each interface; loopback keeps its ::1.
 */
function withoutIPv6(): void {
  try {
    writeSysctl('net.ipv6.conf.default.disable_ipv6', 1);
  } catch (error) {
    if (!isBerthError(error, 'unsupported')) throw error;
  }
}
