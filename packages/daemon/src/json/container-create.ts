import { BerthError } from '@berth/core';
import type { ContainerSpec, EndpointConfig, HostSpec } from '@berth/engine';
import { endpointConfig } from './endpoints.js';
import { parsePort, portSpecs } from './ports.js';
import { anything, oneOf, refuseOthers } from './refuse.js';
import { ContainerCreate, HostConfig } from './schemas.js';

const HOST_FIELDS = Object.keys(HostConfig.properties).filter((name) => name !== 'RestartPolicy');

/** Values that mean what Berth does anyway. */
const HOST_HARMLESS = {
  RestartPolicy: (value: unknown) => ['', 'no', undefined, null].includes((value as { Name?: string }).Name),
  // For the client's own use, and for Windows.
  ContainerIDFile: anything,
  Isolation: oneOf('default'),
  MemorySwappiness: oneOf(-1),
  PidsLimit: oneOf(-1),
  IpcMode: oneOf('private'),
  UsernsMode: oneOf('host'),
  VolumeDriver: oneOf('local'),
  Runtime: oneOf('runc'),
};

/**
 * What a client asks for, in the engine's terms.
 *
 * @throws BerthError `invalid`, naming the first field that Berth does not act on
 */
export function containerSpec(body: ContainerCreate, name: string | undefined): ContainerSpec {
  refuseOthers('', body, Object.keys(ContainerCreate.properties), {
    // Windows only.
    ArgsEscaped: anything,
    // Triggers for images built from this one.
    OnBuild: anything,
    // dockerode repeats what the query says.
    name: oneOf(name),
  });
  return {
    name,
    image: body.Image,
    command: words(body.Cmd),
    entrypoint: words(body.Entrypoint),
    env: body.Env ?? [],
    workingDirectory: body.WorkingDir || undefined,
    user: body.User || undefined,
    hostname: body.Hostname || undefined,
    domainname: body.Domainname || undefined,
    tty: body.Tty ?? false,
    consoleSize: terminalSize(body.HostConfig?.ConsoleSize),
    openStdin: body.OpenStdin ?? false,
    stdinOnce: body.StdinOnce ?? false,
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    labels: body.Labels ?? {},
    exposedPorts: Object.keys(body.ExposedPorts ?? {}).map(parsePort),
    stopSignal: body.StopSignal || undefined,
    stopTimeout: body.StopTimeout ?? undefined,
    macAddress: body.MacAddress || undefined,
    host: hostSpec(body.HostConfig ?? {}),
    networks: endpoints(body.NetworkingConfig ?? {}),
  };
}

/** `[rows, columns]`; zeros are no size. */
function terminalSize(size: readonly number[] | null | undefined): ContainerSpec['consoleSize'] {
  const [rows = 0, columns = 0] = size ?? [];
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** A command of a request: one string is a list of one. */
export function words(command: string | readonly string[] | null | undefined): readonly string[] | undefined {
  if (typeof command === 'string') return [command];
  return command ?? undefined;
}

function hostSpec(host: HostConfig): HostSpec {
  refuseOthers('HostConfig.', host, HOST_FIELDS, HOST_HARMLESS);
  refuseOthers('HostConfig.LogConfig.', host.LogConfig ?? {}, ['Type']);
  const logDriver = host.LogConfig?.Type || 'json-file';
  if (logDriver !== 'json-file') {
    throw new BerthError(
      'invalid',
      `HostConfig.LogConfig.Type "${logDriver}" is not supported by Berth yet: json-file is`,
    );
  }
  return {
    networkMode: host.NetworkMode || 'default',
    portBindings: portSpecs(host.PortBindings),
    publishAllPorts: host.PublishAllPorts ?? false,
    binds: host.Binds ?? [],
    autoRemove: host.AutoRemove ?? false,
    dns: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: host.ExtraHosts ?? [],
    links: host.Links ?? [],
    privileged: host.Privileged ?? false,
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    readonlyRootfs: host.ReadonlyRootfs ?? false,
    shmSize: host.ShmSize || undefined,
    sysctls: host.Sysctls ?? {},
    logDriver,
  };
}

/** The docker command names the default network `default` here; it is the one called `bridge`. */
function endpoints(
  networking: NonNullable<ContainerCreate['NetworkingConfig']>,
): Record<string, EndpointConfig> {
  refuseOthers('NetworkingConfig.', networking, ['EndpointsConfig']);
  const configs = Object.entries(networking.EndpointsConfig ?? {});
  return Object.fromEntries(
    configs.map(([network, settings]) => [
      network === 'default' ? 'bridge' : network,
      endpointConfig(settings),
    ]),
  );
}
