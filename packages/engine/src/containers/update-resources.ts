import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BerthError, toError } from '@berth/core';
import type { Resources } from '../model.js';
import { hostAbilities } from '../oci/cgroup-abilities.js';
import { checkResources } from '../oci/check-resources.js';
import { runtimeResources } from '../oci/resources.js';
import { pathsOf, publish, type ContainerContext } from './context.js';
import { processAlive } from './process.js';
import type { ContainerRecord } from './table.js';

const run = promisify(execFile);

/**
 * Changes limits of a container: at once while it runs, and for its later starts. What `changes` leaves out stays.
 *
 * @returns what this kernel cannot limit, in Docker's words
 * @throws BerthError `invalid` for what makes no sense, `conflict` for what does not go with the limits that it has;
 *   they are as before then
 */
export async function updateResources(
  context: ContainerContext,
  record: ContainerRecord,
  changes: Resources,
): Promise<readonly string[]> {
  const { resources: wanted, warnings } = checkResources(changes, hostAbilities(), true);
  const had = record.spec.host.resources ?? {};
  const conflict = conflictOf(wanted, had);
  if (conflict !== undefined) throw cannotUpdate(record, 'conflict', conflict);
  const resources = { ...had, ...wanted };
  if (processAlive(record)) await runcUpdate(context, record, wanted, resources);
  const spec = { ...record.spec, host: { ...record.spec.host, resources } };
  publish(context, context.table.update(record.id, { spec }), 'update');
  return warnings;
}

/** Docker's rules (`container.UpdateContainer`). */
function conflictOf(wanted: Resources, had: Resources): string | undefined {
  const set = (value: number | undefined): boolean => (value ?? 0) > 0;
  if (set(wanted.nanoCpus) && set(had.cpuPeriod))
    return 'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set';
  if (set(wanted.nanoCpus) && set(had.cpuQuota))
    return 'Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set';
  if (set(wanted.cpuPeriod) && set(had.nanoCpus))
    return 'Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set';
  if (set(wanted.cpuQuota) && set(had.nanoCpus))
    return 'Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set';
  const { memory = 0, memorySwap = 0 } = wanted;
  const swap = had.memorySwap ?? 0;
  if (memory > 0 && memorySwap === 0 && swap !== -1 && memory > swap) {
    return 'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  }
  return undefined;
}

/** runc takes a zero for "as it is": only what belongs to a change is told. */
async function runcUpdate(
  context: ContainerContext,
  record: ContainerRecord,
  wanted: Resources,
  all: Resources,
): Promise<void> {
  const { options, runcRoot } = context;
  const changed = runtimeResources(wanted);
  const full = runtimeResources(all);
  // Memory goes with its swap, a quota with its period.
  const told = {
    ...('memory' in changed && { memory: { ...full.memory, swappiness: undefined } }),
    ...('cpu' in changed && { cpu: full.cpu }),
    ...('pids' in changed && { pids: full.pids }),
    ...('blockIO' in changed && { blockIO: { weight: full.blockIO?.weight } }),
  };
  if (Object.keys(told).length === 0) return;
  const file = join(pathsOf(context, record.id).bundle, 'update.json');
  writeFileSync(file, JSON.stringify(told), { mode: 0o600 });
  try {
    await run(options.runtimes.runc, ['--root', runcRoot, 'update', '--resources', file, record.id]);
  } catch (thrown) {
    const { stderr = '', message } = thrown as Error & { stderr?: string };
    throw cannotUpdate(record, 'invalid', stderr.trim() || message || toError(thrown).message, thrown);
  } finally {
    await rm(file, { force: true });
  }
}

function cannotUpdate(
  { id }: ContainerRecord,
  code: 'conflict' | 'invalid',
  reason: string,
  cause?: unknown,
): BerthError {
  return new BerthError(code, `Cannot update container ${id}: ${reason}`, { subject: id, cause });
}
