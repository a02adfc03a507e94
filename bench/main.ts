import { readFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { HostInABox } from '@berth/tests/box';
import { measureAttach } from './attach.js';
import { measureNames } from './names.js';
import { measureOverApi } from './over-api.js';
import { measureProcesses } from './processes.js';
import { Report } from './report.js';
import { measureTraffic } from './traffic.js';

/** Resident memory of a process in megabytes (10⁶ bytes), from /proc/PID/status (proc(5)). */
function residentMegabytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}

const report = new Report();
await using box = await HostInABox.create();
await measureAttach(box, report);
const daemon = await box.startDaemon({ flags: ['--log-level', 'info'] });
await new Promise((resolve) => setTimeout(resolve, 2000));
report.figure('idle daemon, resident', residentMegabytes(daemon.pid), 'MB', 90);
await measureOverApi(box, report);
await measureProcesses(box, report);
await measureNames(box, report);
await measureTraffic(box, report);
const [cpu] = cpus();
process.stdout.write(
  `Linux ${release()} ${arch()}, Node ${process.version}, ${cpus().length} × ${cpu?.model ?? '?'}\n\n`,
);
report.print();
