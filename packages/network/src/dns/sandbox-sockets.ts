import { createHash } from 'node:crypto';
import { bindSocket, closeDescriptor, isErrno, type NetworkNamespace } from '@berth/kernel';

/** Where the name service is found in every sandbox; Docker's own address. */
export const NAME_SERVICE_ADDRESS = '127.0.0.11';
/** Connections that may wait to be accepted. */
const BACKLOG = 128;
/** The kernel's own range of ephemeral ports (net.ipv4.ip_local_port_range). */
const FIRST_PORT = 32_768;
const PORTS = 28_232;

/** Descriptors of bound sockets in a sandbox's namespace, and their ports. */
export interface SandboxSockets {
  readonly udp: { readonly fd: number; readonly port: number };
  readonly tcp: { readonly fd: number; readonly port: number };
}

/**
 * Binds the sockets of a sandbox's name service, at a port derived from the sandbox's id where that is free,
 * so that what is found in a sandbox is the same after each start of the daemon.
 *
 * @throws KernelError of bind(2), as when the namespace's loopback interface is down
 */
export function bindSandboxSockets(sandboxId: string, namespace: NetworkNamespace): SandboxSockets {
  const preferred = FIRST_PORT + (createHash('sha256').update(sandboxId).digest().readUInt32BE(0) % PORTS);
  const udp = bindAt(preferred, (port) =>
    bindSocket({ protocol: 'udp', address: NAME_SERVICE_ADDRESS, port, namespace }),
  );
  try {
    const tcp = bindAt(preferred, (port) =>
      bindSocket({ protocol: 'tcp', address: NAME_SERVICE_ADDRESS, port, namespace, listen: BACKLOG }),
    );
    return { udp, tcp };
  } catch (error) {
    closeDescriptor(udp.fd);
    throw error;
  }
}

function bindAt<T>(preferred: number, bind: (port: number) => T): T {
  try {
    return bind(preferred);
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw error;
    return bind(0);
  }
}
