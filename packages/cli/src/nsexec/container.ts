import { BerthError } from '@berth/core';
import { NetworkNamespace } from '@berth/kernel';

// Loaded when a container is named: without one, none of the daemon's client is needed.
const client = () => import('../client/containers.js');

/**
 * The network namespace of a container, which the daemon is asked for; to be closed by the caller.
 *
 * @throws BerthError `not-found` for an unknown name, `conflict` for a container without a running network stack,
 *   `unavailable` where no daemon answers
 */
export async function resolveContainerNamespace(name: string): Promise<NetworkNamespace> {
  const { resolveContainer } = await client();
  const container = await resolveContainer(name);
  if (container.pid > 0) return NetworkNamespace.ofProcess(container.pid);
  if (container.sandboxPath !== undefined && container.sandboxPath !== '') {
    return NetworkNamespace.open(container.sandboxPath);
  }
  throw new BerthError(
    'conflict',
    `Container ${container.name} is not running: it has no network namespace now.`,
    { subject: name },
  );
}

/** A running container's name by its id's beginning; `undefined` where no daemon answers or it knows none. */
export async function containerCalled(id: string): Promise<string | undefined> {
  try {
    const { resolveContainer } = await client();
    return (await resolveContainer(id)).name;
  } catch {
    // An explanation does without the name rather than fail.
    return undefined;
  }
}
