import type { ContainerSpec, EndpointConfig } from '@berth/engine';
import { endpointConfig } from './endpoints.js';
import { hostSpec } from './host-config.js';
import { healthcheck } from './health.js';
import { parsePort } from './ports.js';
import { anything, oneOf, refuseOthers } from './refuse.js';
import { ContainerCreate } from './schemas.js';

/**
 * What a client asks for, in the engine's terms.
 *
 * @param version of the API that the client speaks; the newest unless told
 * @throws BerthError `invalid`, naming the first field that Berth does not act on
 */
export function containerSpec(
  body: ContainerCreate,
  name: string | undefined,
  version?: string,
): ContainerSpec {
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
    volumes: Object.keys(body.Volumes ?? {}),
    stopSignal: body.StopSignal || undefined,
    stopTimeout: body.StopTimeout ?? undefined,
    healthcheck: healthcheck(body.Healthcheck),
    macAddress: body.MacAddress || undefined,
    host: hostSpec(body.HostConfig ?? {}, version),
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
