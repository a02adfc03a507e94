import { arch, cpus, release } from 'node:os';
import { HostInABox } from '@berth/tests/box';
import { measureAttach } from './attach.js';
import { residentMegabytes } from './daemon-size.js';
import { measureMany } from './many.js';
import { measureNameMemory } from './name-memory.js';
import { measureNames } from './names.js';
import { measureOverApi } from './over-api.js';
import { measurePorts } from './ports.js';
import { measureProcesses } from './processes.js';
import { Report } from './report.js';
import { measureTraffic } from './traffic.js';

const report = new Report();
await using box = await HostInABox.create();
await measureAttach(box, report);
await measureNameMemory(box, report);
const daemon = await box.startDaemon({ flags: ['--log-level', 'info'] });
await new Promise((resolve) => setTimeout(resolve, 2000));
report.figure('idle daemon, resident', residentMegabytes(daemon.pid), 'MB', 90);
await measureOverApi(box, report);
await measureProcesses(box, report);
await measureMany(box, daemon, report);
await measureNames(box, daemon, report);
await measureTraffic(box, report);
await measurePorts(box, daemon, report);
const [cpu] = cpus();
process.stdout.write(
  `Linux ${release()} ${arch()}, Node ${process.version}, ${cpus().length} × ${cpu?.model ?? '?'}\n\n`,
);
report.print();
