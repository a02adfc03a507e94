import { mkdirSync } from 'node:fs';
import { Store, newId, silentLogger } from '@berth/core';
import { NetworkManager, type NetworkId, type SandboxId } from '@berth/network';

/** A network manager of this process's own namespace, with a store in a folder, and sandboxes in it. */
export class BenchManager {
  readonly manager: NetworkManager;
  readonly #store: Store;
  #created = 0;

  private constructor(manager: NetworkManager, store: Store) {
    this.manager = manager;
    this.#store = store;
  }

  static async open(folder: string): Promise<BenchManager> {
    mkdirSync(`${folder}/netns`, { recursive: true });
    const store = Store.open(`${folder}/bench.db`);
    const manager = await NetworkManager.open({
      store,
      execRoot: folder,
      logger: silentLogger,
      bridgeName: 'berth0',
      defaultBridge: { icc: true, ipMasq: true, ipv6: false },
      ipForward: true,
      firewallCoexist: false,
      defaultBindAddress: '0.0.0.0',
      dns: { servers: [], defaultBridgeNames: false, forwardSingleLabels: false },
    });
    return new BenchManager(manager, store);
  }

  async createSandbox(): Promise<SandboxId> {
    const id = newId<SandboxId>();
    const dns = { servers: [], search: [], options: [] };
    const hostname = `bench${this.#created++}`;
    await this.manager.createSandbox({ id, kind: 'private', hostname, ports: [], dns });
    return id;
  }

  async attach(id: SandboxId, network: NetworkId): Promise<void> {
    const name = `on${id.slice(0, 12)}`;
    await this.manager.attach(id, network, { containerName: name, names: [name] });
  }

  async deleteSandboxes(ids: readonly SandboxId[]): Promise<void> {
    await Promise.all(ids.map((id) => this.manager.deleteSandbox(id)));
  }

  async close(): Promise<void> {
    await this.manager.close();
    this.#store.close();
  }
}
