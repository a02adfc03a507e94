import { BerthError } from '@berth/core';
import type { ExposedPort } from '@berth/engine';
import type { PortSpec, PublishedPort } from '@berth/network';
import type { HostConfig } from './schemas.js';

/**
 * `80/tcp`, or `80` for the same.
 *
 * @throws BerthError `invalid`
 */
export function parsePort(text: string): ExposedPort {
  const match = /^(\d{1,5})(?:\/([a-z]+))?$/i.exec(text);
  const port = Number(match?.[1]);
  const protocol = (match?.[2] ?? 'tcp').toLowerCase();
  if (match === null || port < 1 || port > 65535) {
    throw new BerthError(
      'invalid',
      `invalid port "${text}": it must be a number from 1 to 65535, or e.g. 80/tcp, 53/udp`,
    );
  }
  if (protocol !== 'tcp' && protocol !== 'udp') {
    throw new BerthError(
      'invalid',
      `invalid port "${text}": ${protocol} is not supported by Berth yet, tcp and udp are`,
    );
  }
  return { port, protocol };
}

/** `80/tcp`. */
export function portKey({ port, protocol }: ExposedPort): string {
  return `${port}/${protocol}`;
}

/** @throws BerthError `invalid` */
export function portSpecs(bindings: HostConfig['PortBindings']): PortSpec[] {
  return Object.entries(bindings ?? {}).flatMap(([key, targets]) => {
    const { port, protocol } = parsePort(key);
    // No target at all means: publish it at a port of the host's choice.
    const wanted = targets === null || targets.length === 0 ? [{}] : targets;
    return wanted.map(
      ({ HostIp: address, HostPort: hostPort }: { HostIp?: string | null; HostPort?: string | null }) => ({
        protocol,
        containerPort: port,
        hostAddress: address === null || address === '' ? undefined : address,
        hostPort: parseHostPort(key, hostPort ?? ''),
      }),
    );
  });
}

function parseHostPort(key: string, text: string): number | undefined {
  if (text === '' || text === '0') return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) {
    throw new BerthError(
      'invalid',
      `HostConfig.PortBindings: invalid host port "${text}" for ${key}: it must be one number from 1 to 65535`,
    );
  }
  return port;
}

export interface PortTarget {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** What `NetworkSettings.Ports` shows: every exposed port, and where it is published. */
export function portMap(
  exposed: readonly ExposedPort[],
  published: readonly PublishedPort[],
): Record<string, PortTarget[] | null> {
  const map: Record<string, PortTarget[] | null> = {};
  for (const port of exposed) map[portKey(port)] = null;
  for (const port of published) {
    const key = portKey({ port: port.containerPort, protocol: port.protocol });
    (map[key] ??= []).push({ HostIp: port.hostAddress, HostPort: String(port.hostPort) });
  }
  return map;
}

/** What `HostConfig.PortBindings` shows: what was asked for. */
export function bindingMap(specs: readonly PortSpec[]): Record<string, PortTarget[]> {
  const map: Record<string, PortTarget[]> = {};
  for (const spec of specs) {
    const key = portKey({ port: spec.containerPort, protocol: spec.protocol });
    const target = {
      HostIp: spec.hostAddress ?? '',
      HostPort: spec.hostPort === undefined ? '' : String(spec.hostPort),
    };
    (map[key] ??= []).push(target);
  }
  return map;
}

/** The `Ports` of `GET /containers/json`. */
export function portList(exposed: readonly ExposedPort[], published: readonly PublishedPort[]): object[] {
  const shown = new Set(
    published.map((port) => portKey({ port: port.containerPort, protocol: port.protocol })),
  );
  return [
    ...published.map((port) => ({
      IP: port.hostAddress,
      PrivatePort: port.containerPort,
      PublicPort: port.hostPort,
      Type: port.protocol,
    })),
    ...exposed
      .filter((port) => !shown.has(portKey(port)))
      .map((port) => ({ PrivatePort: port.port, Type: port.protocol })),
  ];
}
