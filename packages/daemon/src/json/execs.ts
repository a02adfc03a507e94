import { BerthError } from '@berth/core';
import type { Exec, ExecSpec } from '@berth/engine';
import { words } from './container-create.js';
import { anything, refuseOthers } from './refuse.js';
import { ExecCreate } from './schemas.js';

/** @throws BerthError `invalid`, naming the first field that Berth does not act on */
export function execSpec(body: ExecCreate): ExecSpec {
  refuseOthers('', body, Object.keys(ExecCreate.properties), {
    // Detach belongs to the start; some clients send it here as well. The size comes again with the start.
    Detach: anything,
    ConsoleSize: anything,
    // Docker's SDK for Python repeats what the path says.
    Container: anything,
  });
  const command = words(body.Cmd) ?? [];
  if (command.length === 0) throw new BerthError('invalid', 'No exec command specified');
  return {
    command,
    tty: body.Tty ?? false,
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    env: body.Env ?? [],
    user: body.User || undefined,
    workingDirectory: body.WorkingDir || undefined,
    privileged: body.Privileged ?? false,
    detachKeys: body.DetachKeys || undefined,
  };
}

/** `GET /exec/{id}/json`. */
export function execInspect(exec: Exec) {
  const [entrypoint, ...args] = exec.spec.command;
  return {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: exec.spec.tty,
      entrypoint,
      arguments: args,
      privileged: exec.spec.privileged,
      ...(exec.spec.user === undefined ? {} : { user: exec.spec.user }),
    },
    OpenStdin: exec.spec.attachStdin,
    OpenStderr: exec.spec.attachStderr,
    OpenStdout: exec.spec.attachStdout,
    CanRemove: !exec.running && exec.exitCode !== undefined,
    ContainerID: exec.containerId,
    DetachKeys: exec.spec.detachKeys ?? '',
    Pid: exec.pid,
  };
}
