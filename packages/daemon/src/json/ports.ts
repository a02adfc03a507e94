import { BerthError } from '@berth/core';
import { withoutPorts, type ExposedPort } from '@berth/engine';
import type { PortSpec, PublishedPort } from '@berth/network';
import type { HostConfig } from './schemas.js';

const MOST = 65_535;

/** From how many neighbouring ports on they are shown as one run: for who asks for that, and for who does not. */
export const FOLD = { always: 2, long: 513, never: MOST + 1 } as const;

/**
 * `80/tcp`, or `80` for the same; `8000-8010/udp` is a run.
 *
 * @throws BerthError `invalid`
 */
export function parsePort(text: string): ExposedPort {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  const protocol = (match?.[3] ?? 'tcp').toLowerCase();
  if (match === null || first < 1 || last > MOST || last < first) {
    throw new BerthError(
      'invalid',
      `invalid port "${text}": it must be a number from 1 to ${MOST}, or e.g. 80/tcp, 53/udp, 8000-8010/tcp`,
    );
  }
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw new BerthError(
      'invalid',
      `invalid port "${text}": there is no protocol ${protocol}, but tcp, udp and sctp`,
    );
  }
  return runOf(first, protocol, last - first + 1);
}

/** `80/tcp`, `8000-8010/tcp`. */
export function portKey({ port, protocol, count = 1 }: ExposedPort): string {
  return `${span(port, count)}/${protocol}`;
}

/** @throws BerthError `invalid` */
export function portSpecs(bindings: HostConfig['PortBindings']): PortSpec[] {
  const specs = Object.entries(bindings ?? {}).flatMap(([key, targets]) => {
    const exposed = parsePort(key);
    // No target at all means: publish it at a port of the host's choice.
    const wanted = targets === null || targets.length === 0 ? [{}] : targets;
    return wanted.map(
      ({ HostIp: address, HostPort: hostPort }: { HostIp?: string | null; HostPort?: string | null }) =>
        portSpec(exposed, address ?? '', hostPort ?? '', key),
    );
  });
  return foldSpecs(specs);
}

function portSpec(exposed: ExposedPort, hostAddress: string, hostPort: string, key: string): PortSpec {
  const { port, protocol, count = 1 } = exposed;
  const spec: PortSpec = {
    protocol,
    containerPort: port,
    ...(count > 1 && { count }),
    ...(hostAddress !== '' && { hostAddress }),
  };
  if (hostPort === '' || hostPort === '0') return spec;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(hostPort);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > MOST || last < first) {
    throw new BerthError(
      'invalid',
      `HostConfig.PortBindings: invalid host port "${hostPort}" for ${key}: it must be one number from 1 to ${MOST}, or a range`,
    );
  }
  const length = last - first + 1;
  if (length === count) return { ...spec, hostPort: first };
  if (count === 1) return { ...spec, hostPort: first, hostPortLast: last };
  throw new BerthError(
    'invalid',
    `HostConfig.PortBindings: ${key} is ${count} ports, and host port "${hostPort}" is ${length}: they must be as many`,
  );
}

/** Clients give each port of a range for itself: neighbours are put together again. */
function foldSpecs(specs: readonly PortSpec[]): PortSpec[] {
  const folded: PortSpec[] = [];
  const open = new Map<string, number>();
  for (const spec of [...specs].sort((one, other) => one.containerPort - other.containerPort)) {
    const { protocol, containerPort, count = 1, hostAddress = '', hostPort, hostPortLast } = spec;
    const fixed = hostPort !== undefined && hostPortLast === undefined;
    const key = `${protocol} ${hostAddress} ${(hostPort ?? 0) - containerPort}`;
    const index = fixed ? open.get(key) : undefined;
    const run = index === undefined ? undefined : folded[index];
    if (index !== undefined && run !== undefined && run.containerPort + (run.count ?? 1) === containerPort) {
      folded[index] = { ...run, count: (run.count ?? 1) + count };
      continue;
    }
    folded.push(spec);
    if (fixed) open.set(key, folded.length - 1);
  }
  return folded;
}

export interface PortTarget {
  readonly HostIp: string;
  readonly HostPort: string;
}

/**
 * What `NetworkSettings.Ports` shows: every exposed port, and where it is published.
 *
 * @param foldFrom how long a run must be to be one entry (`8000-8010/tcp`), and not one for each port
 */
export function portMap(
  exposed: readonly ExposedPort[],
  published: readonly PublishedPort[],
  foldFrom: number,
): Record<string, PortTarget[] | null> {
  const map: Record<string, PortTarget[] | null> = {};
  const taken = published.map(({ containerPort, protocol, count }) => runOf(containerPort, protocol, count));
  const closed = withoutPorts(exposed, taken);
  for (const port of unfolded(closed, foldFrom)) map[portKey(port)] = null;
  for (const run of unfoldedPublished(published, foldFrom)) {
    const { containerPort, protocol, count, hostAddress, hostPort } = run;
    const key = portKey(runOf(containerPort, protocol, count));
    // One that is reached at the container's own address has no port of the host.
    if (hostPort === 0) map[key] ??= null;
    else (map[key] ??= []).push({ HostIp: hostAddress, HostPort: span(hostPort, count) });
  }
  return map;
}

/** What `HostConfig.PortBindings` shows: what was asked for. */
export function bindingMap(specs: readonly PortSpec[], foldFrom: number): Record<string, PortTarget[]> {
  const map: Record<string, PortTarget[]> = {};
  for (const { protocol, containerPort, count = 1, hostAddress, hostPort, hostPortLast } of specs) {
    const runs = count >= foldFrom || count === 1 ? [{ offset: 0, count }] : offsets(count);
    for (const run of runs) {
      const first = hostPort === undefined ? undefined : hostPort + run.offset;
      const last = hostPortLast === undefined ? run.count : hostPortLast - (hostPort ?? 0) + 1;
      const target = {
        HostIp: hostAddress ?? '',
        HostPort: first === undefined ? '' : span(first, last),
      };
      (map[portKey(runOf(containerPort + run.offset, protocol, run.count))] ??= []).push(target);
    }
  }
  return map;
}

/** What `Config.ExposedPorts` shows. */
export function exposedMap(exposed: readonly ExposedPort[], foldFrom: number): Record<string, object> {
  return Object.fromEntries(unfolded(exposed, foldFrom).map((port) => [portKey(port), {}]));
}

/** The `Ports` of `GET /containers/json`; an element with a `Count` is a run. */
export function portList(
  exposed: readonly ExposedPort[],
  published: readonly PublishedPort[],
  foldFrom: number,
): object[] {
  const taken = published.map(({ containerPort, protocol, count }) => runOf(containerPort, protocol, count));
  const closed = withoutPorts(exposed, taken);
  return [
    ...unfoldedPublished(published, foldFrom).map((port) => ({
      ...(port.hostAddress === '' ? {} : { IP: port.hostAddress }),
      PrivatePort: port.containerPort,
      ...(port.hostPort === 0 ? {} : { PublicPort: port.hostPort }),
      Type: port.protocol,
      ...(port.count > 1 && { Count: port.count }),
    })),
    ...unfolded(closed, foldFrom).map(({ port, protocol, count = 1 }) => ({
      PrivatePort: port,
      Type: protocol,
      ...(count > 1 && { Count: count }),
    })),
  ];
}

function runOf(port: number, protocol: ExposedPort['protocol'], count: number): ExposedPort {
  return { port, protocol, ...(count > 1 && { count }) };
}

function span(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`;
}

function unfolded(runs: readonly ExposedPort[], foldFrom: number): ExposedPort[] {
  return runs.flatMap((run) => ((run.count ?? 1) >= foldFrom ? [run] : singles(run)));
}

function unfoldedPublished(runs: readonly PublishedPort[], foldFrom: number): PublishedPort[] {
  return runs.flatMap((run) => (run.count >= foldFrom ? [run] : singlePublished(run)));
}

function offsets(count: number): { offset: number; count: number }[] {
  return Array.from({ length: count }, (_, offset) => ({ offset, count: 1 }));
}

function singles({ port, protocol, count = 1 }: ExposedPort): ExposedPort[] {
  return Array.from({ length: count }, (_, offset) => ({ port: port + offset, protocol }));
}

function singlePublished(run: PublishedPort): PublishedPort[] {
  return Array.from({ length: run.count }, (_, offset) => ({
    ...run,
    containerPort: run.containerPort + offset,
    hostPort: run.hostPort === 0 ? 0 : run.hostPort + offset,
    count: 1,
  }));
}
