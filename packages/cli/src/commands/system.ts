import { connect } from '../client/api-client.js';
import { fillTemplate } from '../format/template.js';
import { print } from '../terminal/output.js';
import { command, needOperands, parse } from './command.js';

/** The version of this command; the daemon tells its own. */
export const VERSION = '0.1.0';

interface VersionShown {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
}

/** `berth version` */
export async function version(argv: readonly string[]): Promise<number> {
  const parser = command('version', '[OPTIONS]', 'Print the versions of command and daemon').option(
    '-f, --format <template>',
    'template, or json',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { format } = parser.opts<{ format?: string }>();
  const api = connect();
  const client = { Version: VERSION, Os: process.platform, Arch: process.arch, Host: api.host };
  let server: VersionShown;
  try {
    server = await api.call<VersionShown>('GET', '/version');
  } catch (error) {
    // The command's own version is worth knowing without a daemon.
    if (format === undefined) print(`Client:\n Version:           ${VERSION}\n`);
    throw error;
  }
  if (format === 'json') print(`${JSON.stringify({ Client: client, Server: server })}\n`);
  else if (format !== undefined) print(`${fillTemplate(format, { Client: client, Server: server })}\n`);
  else {
    print(
      `Client:\n Version:           ${VERSION}\n OS/Arch:           ${client.Os}/${client.Arch}\n\n` +
        `Server: Berth\n Version:           ${server.Version}\n` +
        ` API version:       ${server.ApiVersion} (minimum version ${server.MinAPIVersion})\n` +
        ` OS/Arch:           ${server.Os}/${server.Arch}\n Kernel:            ${server.KernelVersion}\n`,
    );
  }
  return 0;
}

/** `berth info` */
export async function info(argv: readonly string[]): Promise<number> {
  const parser = command('info', '[OPTIONS]', 'Print facts about the daemon and its host').option(
    '-f, --format <template>',
    'template, or json',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const { format } = parser.opts<{ format?: string }>();
  const facts = await connect().call<Record<string, unknown>>('GET', '/info');
  if (format === 'json') print(`${JSON.stringify(facts)}\n`);
  else if (format !== undefined) print(`${fillTemplate(format, facts)}\n`);
  else {
    const lines = [
      ['Server Version', 'ServerVersion'],
      ['Containers', 'Containers'],
      [' Running', 'ContainersRunning'],
      [' Paused', 'ContainersPaused'],
      [' Stopped', 'ContainersStopped'],
      ['Images', 'Images'],
      ['Storage Driver', 'Driver'],
      ['Logging Driver', 'LoggingDriver'],
      ['Cgroup Driver', 'CgroupDriver'],
      ['Cgroup Version', 'CgroupVersion'],
      ['Default Runtime', 'DefaultRuntime'],
      ['Kernel Version', 'KernelVersion'],
      ['Operating System', 'OperatingSystem'],
      ['OSType', 'OSType'],
      ['Architecture', 'Architecture'],
      ['CPUs', 'NCPU'],
      ['Total Memory', 'MemTotal'],
      ['Name', 'Name'],
      ['ID', 'ID'],
      ['Root Dir', 'DockerRootDir'],
    ] as const;
    for (const [title, name] of lines) {
      const fact = facts[name];
      if (typeof fact === 'string' || typeof fact === 'number')
        print(`${title}: ${fact}
`);
    }
    for (const warning of (facts['Warnings'] as string[] | null | undefined) ?? [])
      print(`WARNING: ${warning}\n`);
  }
  return 0;
}
