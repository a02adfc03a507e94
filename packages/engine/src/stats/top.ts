import { BerthError } from '@berth/core';
import { cgroupPathOf } from '../cgroups.js';
import type { ContainerContext } from '../containers/context.js';
import { isRunning } from '../containers/table.js';
import { CgroupFiles } from './cgroup-files.js';
import { readProcess } from './process-table.js';
import { psColumns } from './ps-columns.js';

export interface ProcessList {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/**
 * The processes of a container as the host's ps would show them: with the host's numbers and names.
 *
 * @param psArguments `-ef`, `aux`, `-o pid,comm` and the like
 * @throws BerthError `conflict` if it does not run; see {@link psColumns}
 */
export function containerProcesses(
  { table, options }: ContainerContext,
  reference: string,
  psArguments: string,
): ProcessList {
  const columns = psColumns(psArguments);
  const record = table.find(reference);
  if (record.state.status === 'restarting') {
    throw new BerthError(
      'conflict',
      `Container ${record.id} is restarting, wait until the container is running`,
    );
  }
  if (!isRunning(record)) throw new BerthError('conflict', `container ${record.id} is not running`);
  const pids = CgroupFiles.open(cgroupPathOf(options.cgroupParent, record)).processes();
  const processes = pids.map((pid) => readProcess(pid)).filter((process) => process !== undefined);
  return {
    titles: columns.map(({ title }) => title),
    processes: processes.map((process) => columns.map(({ value }) => value(process))),
  };
}
