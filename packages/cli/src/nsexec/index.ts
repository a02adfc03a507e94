import { isBerthError, toError } from '@berth/core';
import { errnoText } from '@berth/kernel';
import { resolveContainerNamespace } from './container.js';
import { runProgram } from './program.js';

const help = `Usage: berth nsexec CONTAINER [--] COMMAND [ARG...]

Runs a program of this host (tcpdump, ping, curl, ip) in the network namespace of a container. Files, users and
processes stay the host's: only interfaces, addresses, routes and ports are the container's. The exit status is the
program's; 126 where it can't be run, 127 where there is none of that name, 125 for a failure of berth itself.
`;

/** `berth nsexec CONTAINER -- COMMAND…`: the exit status. */
export async function runNsexec(argv: readonly string[]): Promise<number> {
  const [name, ...following] = argv;
  if (name === '--help' || name === '-h') {
    process.stdout.write(help);
    return 0;
  }
  if (name?.startsWith('-') === true) return failure(`unknown option ${name}\n\n${help}`);
  const [command, ...args] = following[0] === '--' ? following.slice(1) : following;
  if (name === undefined || command === undefined)
    return failure(`a container and a command are needed\n\n${help}`);
  try {
    using namespace = await resolveContainerNamespace(name);
    const outcome = await runProgram(namespace, command, args);
    if ('status' in outcome) return outcome.status;
    process.stderr.write(`berth nsexec: ${command}: ${errnoText(outcome.errno)}\n`);
    return outcome.errno === 'ENOENT' ? 127 : 126;
  } catch (error) {
    return failure(isBerthError(error) ? error.message : toError(error).message);
  }
}

function failure(message: string): number {
  process.stderr.write(`berth nsexec: ${message.trimEnd()}\n`);
  return 125;
}
