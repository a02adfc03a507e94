import { setTimeout as delay } from 'node:timers/promises';
import { cgroupPathOf } from '../cgroups.js';
import type { ContainerContext } from '../containers/context.js';
import { sharedContainer } from '../containers/network-mode.js';
import { asSandboxId } from '../containers/snapshot.js';
import { isRunning, type ContainerRecord } from '../containers/table.js';
import { CgroupFiles } from './cgroup-files.js';
import type { ContainerStats, InterfaceStats } from './model.js';
import { hostCpu, interfaceStats, sampleOf } from './sample.js';
import { containerProcesses, type ProcessList } from './top.js';

/** From one sample of a stream to the next, in milliseconds; Docker's collector has the same. */
const PERIOD = 1_000;

/** What containers use of the host. */
export class Stats {
  readonly #context: ContainerContext;

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  /**
   * What a container uses now; `undefined` if it does not run.
   *
   * @throws BerthError `not-found`
   */
  now(reference: string): ContainerStats | undefined {
    const record = this.#context.table.find(reference);
    if (!isRunning(record)) return undefined;
    const path = cgroupPathOf(this.#context.options.cgroupParent, record);
    return sampleOf(CgroupFiles.open(path), hostCpu(), this.#networks(record));
  }

  /** A sample every second, as long as the container is there; `undefined` while it does not run. */
  async *watch(reference: string): AsyncGenerator<ContainerStats | undefined> {
    const { table } = this.#context;
    const { id } = table.find(reference);
    while (table.has(id)) {
      yield this.now(id);
      await delay(PERIOD);
    }
  }

  /** The processes of a container; see {@link containerProcesses}. */
  processes(reference: string, psArguments: string): ProcessList {
    return containerProcesses(this.#context, reference, psArguments);
  }

  /** A container that shares another's network shares its counters. */
  #networks({ id, networkMode }: ContainerRecord): Record<string, InterfaceStats> | undefined {
    const sandbox = this.#context.network.sandbox(asSandboxId(sharedContainer(networkMode) ?? id));
    if (sandbox?.path === undefined) return undefined;
    const names = sandbox.endpoints.flatMap(({ interfaceName }) => interfaceName ?? []);
    try {
      return interfaceStats(sandbox.path, names);
    } catch {
      // It is ending just now.
      return {};
    }
  }
}
