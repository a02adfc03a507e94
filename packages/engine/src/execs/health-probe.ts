import { within } from '../clock.js';
import type { Probe } from '../containers/health-monitors.js';
import type { Execs } from './execs.js';

/** The most of a check's output that is kept, in bytes (moby's daemon/health.go: maxOutputLen). */
const OUTPUT_LIMIT = 4096;
/** How long runc may take to start a command, in milliseconds: on a busy host this is no fault of the container's. */
const START_PATIENCE = 30_000;

/** Runs the commands of health checks as execs, which others see by their events. */
export function healthProbe(execs: Execs): Probe {
  return async (id, command, milliseconds) => {
    const exec = execs.create(id, {
      command,
      tty: false,
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      env: [],
      privileged: false,
    });
    const stream = await execs.start(exec.id, { detach: false, tty: false });
    if (stream === undefined) return { exitCode: -1, output: '' };
    const kept: Buffer[] = [];
    let size = 0;
    const read = async () => {
      for await (const { data } of stream.output) {
        if (size < OUTPUT_LIMIT) kept.push(data.subarray(0, OUTPUT_LIMIT - size));
        size += data.length;
      }
      return true;
    };
    const ended = read();
    await within(
      execs.started(exec.id).catch(() => undefined),
      START_PATIENCE,
    );
    const inTime = await within(ended, milliseconds);
    const output = Buffer.concat(kept).toString('utf8') + (size > OUTPUT_LIMIT ? '...' : '');
    if (inTime === undefined) {
      const { pid } = execs.get(exec.id);
      kill(pid);
      // What the command has left behind may hold its output open for ever.
      stream.close();
      const limit = `Health check exceeded timeout (${duration(milliseconds)})`;
      return { exitCode: -1, output: output === '' ? limit : `${limit}: ${output}` };
    }
    const { exitCode = -1 } = execs.get(exec.id);
    // It has not run at all.
    if (/^OCI runtime exec failed: /.test(output)) return { exitCode: -1, output: output.trimEnd() };
    return { exitCode, output };
  };
}

function kill(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** As Go writes a duration: `1m30s`, `500ms`. */
function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = milliseconds / 1000;
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
