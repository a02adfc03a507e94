import { BerthError, TeardownError, runSteps, toError } from '@berth/core';
import type { SandboxId, SandboxSpec } from '../model.js';
import type { SandboxRecord } from '../records.js';
import type { ManagerContext } from './context.js';
import type { Endpoints } from './endpoints.js';
import type { SandboxEntry } from './state.js';

/** Sandboxes: network stacks, made and taken away. */
export class Sandboxes {
  readonly #context: ManagerContext;
  readonly #endpoints: Endpoints;

  constructor(context: ManagerContext, endpoints: Endpoints) {
    this.#context = context;
    this.#endpoints = endpoints;
  }

  /** @throws BerthError; nothing is left of the sandbox then */
  async create(spec: SandboxSpec): Promise<SandboxEntry> {
    const { state, ports, namespaces, options } = this.#context;
    const { id, kind, dns } = spec;
    if (state.sandboxes.has(id))
      throw new BerthError('conflict', `sandbox ${id} exists already`, { subject: id });
    // A host sandbox has the host's ports as its own.
    const wanted = kind === 'private' ? spec.ports : [];
    const published = ports.reserve(id, wanted, options.defaultBindAddress);
    const path = kind === 'private' ? namespaces.pathOf(id) : undefined;
    const record: SandboxRecord = { id, kind, path, ports: published, dns };
    const entry: SandboxEntry = { record, endpoints: [], gateway: undefined, nameService: false };
    await runSteps(
      id,
      [
        { name: 'reserve ports', do: () => undefined, undo: () => ports.release(id) },
        {
          name: 'record sandbox',
          do: () => {
            state.sandboxes.set(id, entry);
            state.storedSandboxes.put(id, record);
          },
          undo: () => this.#forget(id),
        },
        {
          name: 'create network namespace',
          do: () => {
            if (kind === 'private') namespaces.create(id);
          },
        },
      ],
      options.logger,
    );
    return entry;
  }

  /** Takes a sandbox away with its endpoints, ports and addresses, to the end whatever fails on the way. */
  async delete(sandbox: SandboxEntry): Promise<void> {
    const { nameService, namespaces, ports } = this.#context;
    const { id, kind } = sandbox.record;
    const errors: Error[] = [];
    const attempt = async (job: () => Promise<void> | void) => {
      try {
        await job();
      } catch (error) {
        errors.push(toError(error));
      }
    };
    await attempt(() => nameService.close(id));
    await Promise.all(
      [...sandbox.endpoints].map((endpoint) =>
        attempt(() => this.#endpoints.detach(sandbox, endpoint, false)),
      ),
    );
    if (kind === 'private') await attempt(() => namespaces.remove(id));
    await attempt(() => ports.release(id));
    await attempt(() => this.#forget(id));
    if (errors.length > 0) throw new TeardownError(`delete sandbox ${id}`, errors);
  }

  #forget(id: SandboxId): void {
    this.#context.state.sandboxes.delete(id);
    this.#context.state.storedSandboxes.delete(id);
  }
}
