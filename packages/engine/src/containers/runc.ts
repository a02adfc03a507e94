import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BerthError, toError } from '@berth/core';
import type { ContainerContext } from './context.js';

const run = promisify(execFile);

/** Ends what runs of a container and removes its cgroups; nothing to do is fine. */
export async function runcDelete({ options, runcRoot }: ContainerContext, id: string): Promise<void> {
  if (!existsSync(join(runcRoot, id))) return;
  try {
    await run(options.runtimes.runc, ['--root', runcRoot, 'delete', '--force', id]);
  } catch (thrown) {
    const { message } = toError(thrown);
    throw new BerthError('internal', `runc cannot delete container ${id}: ${message}`, { cause: thrown });
  }
}
