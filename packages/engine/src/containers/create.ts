import { mkdir, rm } from 'node:fs/promises';
import { hostname as hostName } from 'node:os';
import { BerthError, newId, shortId } from '@berth/core';
import { NEVER, now } from '../clock.js';
import { mergeEnvironment } from '../images/config.js';
import { logPlan } from '../logs/driver.js';
import { mergePorts } from '../ports/runs.js';
import type { Container, ContainerId, ContainerSpec, Image } from '../model.js';
import { hostAbilities } from '../oci/cgroup-abilities.js';
import { checkHost } from '../oci/check-host.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { fillVolumes, makeVolumes, plannedMounts, removeAnonymousVolumes } from './mounts.js';
import { checkHealthcheck, mergeHealthcheck } from './health.js';
import { checkName, generateName } from './names.js';
import { checkLinks } from './links.js';
import { exposedBy, memberships, resolveNetworkMode } from './network-mode.js';
import { releaseAddresses, reserveAddresses } from './reservations.js';
import { NO_RESTART } from './restart-policy.js';
import { signalNumber } from './signals.js';
import { resolveModes } from './shared-namespaces.js';
import { snapshot } from './snapshot.js';
import type { ContainerRecord } from './table.js';

/**
 * Records a new container. Nothing of it runs yet, and no network knows it.
 *
 * @throws BerthError `invalid`, `not-found` (image, network) or `conflict` (name), in Docker's wording
 */
export async function createContainer(
  context: ContainerContext,
  asked: ContainerSpec,
): Promise<{ container: Container; warnings: string[] }> {
  const { table, images, lock } = context;
  const image = images.get(asked.image);
  const merged = withImageDefaults(asked, image);
  const args = [...(merged.entrypoint ?? []), ...(merged.command ?? [])];
  const [path] = args;
  if (path === undefined) throw new BerthError('invalid', 'no command specified');
  checkSpec(merged);
  logPlan(merged.host);
  requireInit(context, merged);
  const checked = checkHost({ ...merged, host: resolveModes(context, merged) }, hostAbilities());
  const spec = { ...merged, host: checked.host };
  const mode = resolveNetworkMode(context, spec);
  const networks = memberships(context, spec, mode);
  checkLinks(context, spec, mode);
  const plan = plannedMounts(context, spec);
  const id = newId<ContainerId>();
  const name = claimName(context, spec.name);
  const record: ContainerRecord = {
    id,
    name,
    created: now(),
    imageId: image.id,
    imageName: asked.image,
    diffIds: image.diffIds,
    spec,
    path,
    args: args.slice(1),
    hostname: spec.hostname ?? (mode === 'host' || spec.host.utsMode === 'host' ? hostName() : shortId(id)),
    networkMode: mode,
    networks,
    mounts: plan.map(({ mount }) => mount),
    state: {
      status: 'created',
      pid: 0,
      exitCode: 0,
      error: '',
      startedAt: NEVER,
      finishedAt: NEVER,
      oomKilled: false,
    },
  };
  makeVolumes(context, plan);
  // Recorded before the first await, so that no other creation takes the name meanwhile.
  try {
    reserveAddresses(context, record);
    table.put(record);
    const paths = pathsOf(context, id);
    // Nobody starts it before its volumes are filled.
    await lock.run(id, async () => {
      await mkdir(paths.upper, { recursive: true, mode: 0o755 });
      await mkdir(paths.work, { mode: 0o700 });
      await fillVolumes(context, record, plan);
    });
  } catch (error) {
    table.delete(id);
    releaseAddresses(context, id);
    await rm(pathsOf(context, id).data, { recursive: true, force: true });
    await removeAnonymousVolumes(context, record);
    throw error;
  }
  publish(context, record, 'create');
  return { container: snapshot(context, record), warnings: [...checked.warnings, ...warningsOf(spec, mode)] };
}

/**
 * The name to use, which nobody has.
 *
 * @throws BerthError `conflict`
 */
export function claimName({ table }: ContainerContext, wanted: string | undefined): string {
  if (wanted === undefined || wanted === '')
    return generateName((name) => table.nameHolder(name) !== undefined);
  const name = checkName(wanted);
  const holder = table.nameHolder(name);
  if (holder !== undefined) {
    throw new BerthError(
      'conflict',
      `Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      { subject: name },
    );
  }
  return name;
}

/** Docker's rule: with an own entrypoint the image's command does not count. */
function withImageDefaults(spec: ContainerSpec, { config }: Image): ContainerSpec {
  const ownEntrypoint = spec.entrypoint !== undefined;
  const cleared =
    ownEntrypoint &&
    (spec.entrypoint.length === 0 || (spec.entrypoint.length === 1 && spec.entrypoint[0] === ''));
  const hasCommand = spec.command !== undefined && spec.command.length > 0;
  return {
    ...spec,
    entrypoint: cleared ? undefined : ownEntrypoint ? spec.entrypoint : config.entrypoint,
    command: hasCommand ? spec.command : ownEntrypoint && !cleared ? undefined : config.command,
    env: mergeEnvironment(config.env, spec.env),
    labels: { ...config.labels, ...spec.labels },
    exposedPorts: mergePorts(
      mergePorts(config.exposedPorts, spec.exposedPorts),
      exposedBy(spec.host.portBindings),
    ),
    workingDirectory: spec.workingDirectory ?? config.workingDirectory,
    user: spec.user ?? config.user,
    stopSignal: spec.stopSignal ?? config.stopSignal,
    volumes: [...new Set([...config.volumes, ...(spec.volumes ?? [])])],
    healthcheck: mergeHealthcheck(spec.healthcheck, config.healthcheck),
  };
}

function checkSpec(spec: ContainerSpec): void {
  const nameless = spec.env.find((entry) => entry === '' || entry.startsWith('='));
  if (nameless !== undefined) throw new BerthError('invalid', `invalid environment variable: ${nameless}`);
  if (spec.workingDirectory !== undefined && !spec.workingDirectory.startsWith('/')) {
    throw new BerthError(
      'invalid',
      `the working directory '${spec.workingDirectory}' is invalid, it needs to be an absolute path`,
    );
  }
  if (spec.hostname !== undefined && !/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/.test(spec.hostname)) {
    throw new BerthError(
      'invalid',
      `invalid hostname: ${spec.hostname}; at most 63 letters, digits, '.' and '-'`,
    );
  }
  if (spec.stopSignal !== undefined) signalNumber(spec.stopSignal);
  if (spec.healthcheck !== undefined) checkHealthcheck(spec.healthcheck);
  if (spec.host.autoRemove && (spec.host.restartPolicy ?? NO_RESTART).name !== 'no')
    throw new BerthError('invalid', "can't create 'AutoRemove' container with restart policy");
  for (const entry of spec.host.extraHosts) {
    if (!/^[^:]+:.+$/.test(entry)) {
      throw new BerthError('invalid', `bad format for add-host: "${entry}"; one looks like name:192.0.2.1`);
    }
  }
}

function requireInit({ options }: ContainerContext, { host }: ContainerSpec): void {
  if (host.init !== true || options.runtimes.init !== undefined) return;
  throw new BerthError(
    'unsupported',
    'HostConfig.Init needs the program docker-init (or tini-static, or tini), which this host lacks: install the package tini',
  );
}

function warningsOf(spec: ContainerSpec, mode: string): string[] {
  const publishes = spec.host.portBindings.length > 0 || spec.host.publishAllPorts === true;
  return mode === 'host' && publishes ? ['Published ports are discarded when using host network mode'] : [];
}
