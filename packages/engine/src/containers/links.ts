import { BerthError, shortId } from '@berth/core';
import type { ContainerSpec, ExposedPort } from '../model.js';
import type { ContainerContext } from './context.js';
import { askedContainer } from './network-mode.js';
import { asSandboxId } from './snapshot.js';
import type { ContainerRecord } from './table.js';

/** A container that another one is linked to on the default bridge. */
export interface Link {
  readonly alias: string;
  readonly target: ContainerRecord;
  readonly address: string;
}

/** Reads `container` or `container:alias`. */
export function parseLink(text: string): { name: string; alias: string } {
  const [name = '', alias] = text.split(':');
  const plain = name.replace(/^\//, '');
  if (plain === '' || alias === '' || text.split(':').length > 2) {
    throw new BerthError('invalid', `bad format for links: ${text}; one looks like web:alias`, {
      subject: text,
    });
  }
  return { name: plain, alias: (alias ?? plain).replace(/^\/.*\//, '').replace(/^\//, '') };
}

/**
 * The links of the default bridge. On a user's network docker's client says them twice, and those of the endpoint are
 * what counts there.
 */
function bridgeLinks({ host }: ContainerSpec, mode: string): { name: string; alias: string }[] {
  return mode === 'bridge' ? (host.links ?? []).map(parseLink) : [];
}

/** @throws BerthError `invalid`: links are to containers of the default bridge that are there */
export function checkLinks(context: ContainerContext, spec: ContainerSpec, mode: string): void {
  if (['host', 'none'].includes(mode) && (spec.host.links ?? []).length > 0) {
    throw new BerthError('invalid', `conflicting options: ${mode} type networking can't be used with links`);
  }
  for (const { name } of bridgeLinks(spec, mode)) {
    const target = askedContainer(context, name);
    if (!('bridge' in target.networks)) {
      throw new BerthError(
        'invalid',
        `cannot link to ${target.name}: it is not on the default bridge network`,
        { subject: target.name },
      );
    }
  }
}

/** The links of a container that is being started. @throws BerthError `conflict` where a target does not run */
export function linksOf(
  { table, network }: ContainerContext,
  { spec, networkMode }: ContainerRecord,
): Link[] {
  return bridgeLinks(spec, networkMode).map(({ name, alias }) => {
    const target = table.find(name);
    const endpoint = network
      .sandbox(asSandboxId(target.id))
      ?.endpoints.find(({ networkName }) => networkName === 'bridge');
    const address = endpoint?.ipv4?.address;
    if (address === undefined)
      throw new BerthError('conflict', `cannot link to a non running container: /${target.name} AS ${alias}`);
    return { alias, target, address };
  });
}

/** The lines that links add to the hosts file: address and names. */
export function linkHosts(links: readonly Link[]): (readonly [address: string, names: string])[] {
  return links.map(({ alias, target, address }) => {
    const names = [...new Set([alias, shortId(target.id), target.name])];
    return [address, names.join(' ')] as const;
  });
}

/** The variables that links add, as Docker has them since its first days: `DB_PORT_5432_TCP_ADDR=172.17.0.2`. */
export function linkVariables(record: ContainerRecord, links: readonly Link[]): string[] {
  return links.flatMap(({ alias, target, address }) => {
    const prefix = alias.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    const ports = target.spec.exposedPorts.flatMap(singlePorts);
    const [first] = ports;
    const url = ({ port, protocol }: ExposedPort) => `${protocol}://${address}:${port}`;
    return [
      `${prefix}_NAME=/${record.name}/${alias}`,
      ...(first === undefined ? [] : [`${prefix}_PORT=${url(first)}`]),
      ...ports.flatMap((exposed) => {
        const { port, protocol } = exposed;
        const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
        return [
          `${name}=${url(exposed)}`,
          `${name}_ADDR=${address}`,
          `${name}_PORT=${port}`,
          `${name}_PROTO=${protocol}`,
        ];
      }),
      ...target.spec.env
        .filter((variable) => !/^(HOME|PATH)=/.test(variable))
        .map((variable) => `${prefix}_ENV_${variable}`),
    ];
  });
}

/** Runs of more ports than this would fill the environment: Docker's clients never made such links. */
const MOST_PORTS = 256;

function singlePorts({ port, protocol, count = 1 }: ExposedPort): ExposedPort[] {
  return Array.from({ length: Math.min(count, MOST_PORTS) }, (_, offset) => ({
    port: port + offset,
    protocol,
  }));
}
