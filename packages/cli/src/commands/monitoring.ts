import { connect, type ApiClient } from '../client/api-client.js';
import { humanSize } from '../format/human.js';
import { table } from '../format/table.js';
import { fillTemplate } from '../format/template.js';
import { print } from '../terminal/output.js';
import { command, needOperands, parse } from './command.js';

interface Sample {
  readonly name: string;
  readonly id: string;
  readonly cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number; online_cpus?: number };
  readonly precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number };
  readonly memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> };
  readonly pids_stats: { current?: number };
  readonly networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
  readonly blkio_stats: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
}

/** `berth stats` */
export async function stats(argv: readonly string[]): Promise<number> {
  const parser = command('stats', '[OPTIONS] [CONTAINER...]', 'Print what containers use')
    .option('-a, --all', 'also those that do not run')
    .option('--no-stream', 'once')
    .option('--no-trunc', 'do not shorten ids')
    .option('--format <template>', 'template, json');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  const options = parser.opts<{ all?: boolean; stream: boolean; trunc: boolean; format?: string }>();
  const api = connect();
  for (;;) {
    const ids = operands.length > 0 ? operands : await runningIds(api, options.all ?? false);
    const samples = await Promise.all(
      ids.map((id) =>
        api.call<Sample>('GET', `/containers/${encodeURIComponent(id)}/stats`, { query: { stream: false } }),
      ),
    );
    const rows = samples.map((sample) => rowOf(sample, options.trunc));
    if (options.stream && process.stdout.isTTY) print('\u001b[2J\u001b[H');
    if (options.format === 'json') print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    else if (options.format !== undefined) {
      const { format } = options;
      print(rows.map((row) => `${fillTemplate(format, row)}\n`).join(''));
    } else
      print(
        table(
          HEADINGS.map(([title]) => title),
          rows.map((row) => HEADINGS.map(([, name]) => row[name])),
        ),
      );
    if (!options.stream) return 0;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const HEADINGS = [
  ['CONTAINER ID', 'ID'],
  ['NAME', 'Name'],
  ['CPU %', 'CPUPerc'],
  ['MEM USAGE / LIMIT', 'MemUsage'],
  ['MEM %', 'MemPerc'],
  ['NET I/O', 'NetIO'],
  ['BLOCK I/O', 'BlockIO'],
  ['PIDS', 'PIDs'],
] as const;

async function runningIds(api: ApiClient, all: boolean): Promise<string[]> {
  const containers = await api.call<{ Id: string }[]>('GET', '/containers/json', {
    query: { all, ranges: 1 },
  });
  return containers.map(({ Id }) => Id);
}

function rowOf(sample: Sample, short: boolean): Record<(typeof HEADINGS)[number][1], string> {
  const { cpu_stats: cpu, precpu_stats: earlier, memory_stats: memory } = sample;
  const spent = cpu.cpu_usage.total_usage - earlier.cpu_usage.total_usage;
  const system = (cpu.system_cpu_usage ?? 0) - (earlier.system_cpu_usage ?? 0);
  const share = system > 0 && spent > 0 ? (spent / system) * (cpu.online_cpus ?? 1) * 100 : 0;
  // As docker: without what the kernel can give back at once.
  const cache = memory.stats?.['total_inactive_file'] ?? memory.stats?.['inactive_file'] ?? 0;
  const usage = Math.max(0, (memory.usage ?? 0) - cache);
  const limit = memory.limit ?? 0;
  const networks = Object.values(sample.networks ?? {});
  const sum = (key: 'rx_bytes' | 'tx_bytes') => networks.reduce((total, one) => total + one[key], 0);
  const blocks = sample.blkio_stats.io_service_bytes_recursive ?? [];
  const moved = (op: string) =>
    blocks.filter((one) => one.op.toLowerCase() === op).reduce((total, one) => total + one.value, 0);
  return {
    ID: short ? sample.id.slice(0, 12) : sample.id,
    Name: sample.name.replace(/^\//, ''),
    CPUPerc: `${share.toFixed(2)}%`,
    MemUsage: `${binarySize(usage)} / ${binarySize(limit)}`,
    MemPerc: `${(limit > 0 ? (usage / limit) * 100 : 0).toFixed(2)}%`,
    NetIO: `${humanSize(sum('rx_bytes'))} / ${humanSize(sum('tx_bytes'))}`,
    BlockIO: `${humanSize(moved('read'))} / ${humanSize(moved('write'))}`,
    PIDs: String(sample.pids_stats.current ?? 0),
  };
}

/** Bytes in powers of 1,024: `1.5MiB`. */
function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}

/** `berth top` */
export async function top(argv: readonly string[]): Promise<number> {
  const parser = command('top', 'CONTAINER [PS OPTIONS]', 'Print the processes of a container');
  const operands = parse(parser, argv, true);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const [name = '', ...words] = operands;
  const { Titles, Processes } = await connect().call<{ Titles: string[]; Processes: string[][] }>(
    'GET',
    `/containers/${encodeURIComponent(name)}/top`,
    { query: { ps_args: words.length === 0 ? undefined : words.join(' ') } },
  );
  print(table(Titles, Processes));
  return 0;
}

interface Usage {
  readonly Images?: { Size: number; Containers?: number }[] | null;
  readonly Containers?: { SizeRw?: number; State: string }[] | null;
  readonly Volumes?: { UsageData?: { Size: number; RefCount: number } | null }[] | null;
  readonly BuildCache?: { Size: number; InUse?: boolean }[] | null;
  readonly LayersSize?: number;
}

/** `berth system df` */
export async function systemDf(argv: readonly string[]): Promise<number> {
  const parser = command('system df', '[OPTIONS]', 'Print what takes room on the disk').option(
    '--format <template>',
    'json',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 0, 0);
  const usage = await connect().call<Usage>('GET', '/system/df');
  if (parser.opts<{ format?: string }>().format === 'json') {
    print(`${JSON.stringify(usage)}\n`);
    return 0;
  }
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = (usage.Volumes ?? []).map(({ UsageData: data }) => data ?? { Size: 0, RefCount: 0 });
  const cache = usage.BuildCache ?? [];
  const total = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0);
  const row = (type: string, all: number, active: number, size: number, free: number) => [
    type,
    String(all),
    String(active),
    humanSize(size),
    size === 0 ? '0B' : `${humanSize(free)} (${Math.round((free / size) * 100)}%)`,
  ];
  const unusedImages = images.filter(({ Containers = 0 }) => Containers <= 0);
  const stopped = containers.filter(({ State }) => State !== 'running' && State !== 'paused');
  const unused = volumes.filter(({ RefCount }) => RefCount === 0);
  print(
    table(
      ['TYPE', 'TOTAL', 'ACTIVE', 'SIZE', 'RECLAIMABLE'],
      [
        row(
          'Images',
          images.length,
          images.length - unusedImages.length,
          usage.LayersSize ?? total(images.map(({ Size }) => Size)),
          total(unusedImages.map(({ Size }) => Size)),
        ),
        row(
          'Containers',
          containers.length,
          containers.length - stopped.length,
          total(containers.map(({ SizeRw = 0 }) => SizeRw)),
          total(stopped.map(({ SizeRw = 0 }) => SizeRw)),
        ),
        row(
          'Local Volumes',
          volumes.length,
          volumes.length - unused.length,
          total(volumes.map(({ Size }) => Math.max(0, Size))),
          total(unused.map(({ Size }) => Math.max(0, Size))),
        ),
        row('Build Cache', cache.length, 0, total(cache.map(({ Size }) => Size)), 0),
      ],
    ),
  );
  return 0;
}
