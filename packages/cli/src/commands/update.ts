import type { Command } from 'commander';
import { connect } from '../client/api-client.js';
import { print, printError } from '../terminal/output.js';
import { Failure, collect, command, forEach, needOperands, parse } from './command.js';
import { parseReplacement } from './publish.js';
import { addResourceOptions, resourceConfig, type ResourceOptions } from './resource-options.js';

interface UpdateOptions extends ResourceOptions {
  readonly publish?: string[];
}

/** Declares the flags of `update`. */
export function addUpdateOptions(parser: Command): Command {
  return addResourceOptions(parser).option(
    '-p, --publish <port>',
    'publish these ports and no others: [[ADDRESS:]HOSTPORT:]PORT[/PROTOCOL], or none',
    collect,
  );
}

/** The body of ContainerUpdate: its ports replace all that are published. @throws Failure where nothing is asked for */
export function updateBody(options: UpdateOptions): object {
  const { publish } = options;
  const body = {
    ...(publish === undefined ? {} : { PortBindings: parseReplacement(publish) }),
    ...resourceConfig(options),
  };
  if (Object.keys(body).length === 0)
    throw new Failure('you must provide one or more flags when using this command');
  return body;
}

/** `berth update` */
export async function update(argv: readonly string[]): Promise<number> {
  const parser = addUpdateOptions(
    command(
      'update',
      '[OPTIONS] CONTAINER [CONTAINER...]',
      'Change published ports and limits of containers',
    ),
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const body = updateBody(parser.opts());
  const api = connect();
  return forEach(operands, async (name) => {
    const answer = await api.call<{ Warnings?: readonly string[] | null } | undefined>(
      'POST',
      `/containers/${encodeURIComponent(name)}/update`,
      { body },
    );
    for (const warning of answer?.Warnings ?? []) printError(`WARNING: ${warning}\n`);
    print(`${name}\n`);
  });
}
