import { resolve } from 'node:path';
import { connect } from '../client/api-client.js';
import { print } from '../terminal/output.js';
import { command, needOperands, parse } from './command.js';

/** `berth env`: for `eval "$(berth env)"` */
export function env(argv: readonly string[]): Promise<number> {
  const parser = command(
    'env',
    '[OPTIONS]',
    "Print the line that points Docker's clients to this daemon",
  ).option('-u, --unset', 'the line that takes it back');
  const operands = parse(parser, argv);
  if (operands === undefined) return Promise.resolve(0);
  needOperands(parser, operands, 0, 0);
  const socket = resolve(connect().host.replace(/^unix:\/\//, ''));
  const { unset } = parser.opts<{ unset?: boolean }>();
  print(
    unset === true
      ? 'unset DOCKER_HOST\n'
      : `export DOCKER_HOST='unix://${socket.replaceAll("'", `'\\''`)}'\n`,
  );
  return Promise.resolve(0);
}
