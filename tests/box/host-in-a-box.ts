import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, output, run, start, type CommandOptions, type CommandResult } from './command.js';
import { assertNothingLeft } from './leftovers.js';
import { BERTH, BUSYBOX_ARCHIVE, REPOSITORY, dockerProgram } from './paths.js';
import { boxProcesses } from './processes.js';
import { BoxedDaemon, type DaemonOptions } from './daemon.js';

/** The address of the host on its link to the outside, and that of the machine there (TEST-NET-2, RFC 5737). */
export const HOST_ADDRESS = '198.51.100.1';
export const OUTSIDE_ADDRESS = '198.51.100.2';
/** Names that the outside machine's name server knows; they lead to its web site. */
export const OUTSIDE_NAMES = ['www.baidu.com', 'outside.example'];

/**
 * A namespace that plays the host and one that plays an outside machine, joined by a veth pair. The host has a
 * mount namespace of its own too, so that `/run` (with `/run/netns`), `/sys` and `/etc/resolv.conf` are its own:
 * boxes run side by side, and nothing of the machine's own network is touched.
 *
 * ```ts
 * await using box = await HostInABox.create();
 * await box.startDaemon();
 * await box.berth('run', '-d', '--name', 'web', 'busybox', 'httpd', '-f');
 * ```
 *
 * At its end the box asserts that nothing of Berth is left in it.
 */
export class HostInABox implements AsyncDisposable {
  /** A folder for this box's files, gone with it. */
  readonly folder: string;
  readonly #host: ChildProcess;
  readonly #outside: ChildProcess;
  readonly #outsideServers: ChildProcess;
  #outsideLog = '';
  #daemons: BoxedDaemon[] = [];

  private constructor(folder: string, host: ChildProcess, outside: ChildProcess, servers: ChildProcess) {
    this.folder = folder;
    this.#host = host;
    this.#outside = outside;
    this.#outsideServers = servers;
    servers.stdout?.on('data', (chunk: Buffer) => (this.#outsideLog += chunk.toString()));
  }

  static async create(): Promise<HostInABox> {
    const folder = mkdtempSync(join(tmpdir(), 'berth-box-'));
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${OUTSIDE_ADDRESS}\n`);
    const outside = await startNamespace(['unshare', '--net'], 'ip link set lo up');
    const host = await startNamespace(
      ['unshare', '--net', '--mount', '--propagation', 'private'],
      hostSetUp(folder, pidOf(outside)),
    );
    const inOutside = ['nsenter', '-t', String(pidOf(outside)), '--net', '--'];
    await output([...inOutside, 'ip', 'addr', 'add', `${OUTSIDE_ADDRESS}/24`, 'dev', 'eth0']);
    await output([...inOutside, 'ip', 'link', 'set', 'eth0', 'up']);
    const script = join(REPOSITORY, 'tests/box/outside-machine.mjs');
    const servers = start([...inOutside, process.execPath, script, OUTSIDE_ADDRESS, ...OUTSIDE_NAMES]);
    const box = new HostInABox(folder, host, outside, servers);
    await eventually('the outside machine answers', () => box.#outsideLog.includes('ready'));
    return box;
  }

  /** The prefix that makes a command one of the host. */
  get hostPrefix(): string[] {
    return ['nsenter', '-t', String(pidOf(this.#host)), '--net', '--mount', '--'];
  }

  get hostPid(): number {
    return pidOf(this.#host);
  }

  get outsidePid(): number {
    return pidOf(this.#outside);
  }

  /** What the outside machine's name server was asked, a line each: `asked A www.baidu.com`. */
  get outsideLog(): string {
    return this.#outsideLog;
  }

  /** Environment for clients of the box's daemon. */
  get clientEnvironment(): Record<string, string> {
    return { BERTH_HOST: 'unix:///run/berth/berth.sock', DOCKER_HOST: 'unix:///run/berth/berth.sock' };
  }

  /** Runs a command on the host, to its end. */
  tryHost(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run([...this.hostPrefix, ...command], {
      ...options,
      env: { ...this.clientEnvironment, ...options.env },
    });
  }

  /** Runs a command on the host that must succeed. */
  host(...command: string[]): Promise<string> {
    return output([...this.hostPrefix, ...command], { env: this.clientEnvironment });
  }

  /** Starts a command on the host and leaves it running. */
  startOnHost(...command: string[]): ChildProcess {
    return start([...this.hostPrefix, ...command], { env: this.clientEnvironment });
  }

  /** Runs a command on the outside machine, to its end. */
  tryOutside(...command: string[]): Promise<CommandResult> {
    return run(['nsenter', '-t', String(this.outsidePid), '--net', '--', ...command]);
  }

  /** Runs a command on the outside machine that must succeed. */
  outside(...command: string[]): Promise<string> {
    return output(['nsenter', '-t', String(this.outsidePid), '--net', '--', ...command]);
  }

  /** The path of `bin/berth`, for command lines. */
  get berthCommand(): string {
    return BERTH;
  }

  /** `berth …` on the host; throws unless it succeeds. Its last newline is cut. */
  async berth(...args: string[]): Promise<string> {
    return (await this.host(BERTH, ...args)).replace(/\n$/, '');
  }

  /** `berth …` on the host, whatever its exit status. */
  tryBerth(...args: string[]): Promise<CommandResult> {
    return this.tryHost([BERTH, ...args]);
  }

  /** Starts a container that does nothing, and gives its id. */
  sleeper(name: string, ...flags: string[]): Promise<string> {
    return this.berth('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '600');
  }

  /** Removes all containers, whatever their state. */
  async removeContainers(): Promise<void> {
    const containers = (await this.berth('ps', '-aq', '--no-trunc')).split('\n').filter(Boolean);
    if (containers.length > 0) await this.berth('rm', '-f', ...containers);
  }

  /** `docker …` on the host, speaking to Berth; throws unless it succeeds. */
  async docker(...args: string[]): Promise<string> {
    return (await this.host(dockerProgram(), ...args)).replace(/\n$/, '');
  }

  tryDocker(...args: string[]): Promise<CommandResult> {
    return this.tryHost([dockerProgram(), ...args]);
  }

  /** Starts the daemon on the host, with the busybox image imported, and waits until it answers. */
  async startDaemon(options: DaemonOptions = {}): Promise<BoxedDaemon> {
    const daemon = await BoxedDaemon.start(this, options);
    this.#daemons = [...this.#daemons.filter((earlier) => earlier.running), daemon];
    if (options.importImage !== false) {
      const images = await this.berth('image', 'ls', '-q');
      if (images === '')
        await this.berth('image', 'import', '--change', 'CMD ["sh"]', BUSYBOX_ARCHIVE, 'busybox:latest');
    }
    return daemon;
  }

  /** Removes all containers, stops the daemon and checks that nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const daemon of this.#daemons.filter((candidate) => candidate.running)) {
        await daemon.removeEverything();
        await daemon.stop();
      }
      if (this.#daemons.length > 0) await assertNothingLeft(this);
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    for (const daemon of this.#daemons) daemon.kill();
    for (const { pid } of boxProcesses(this)) killQuietly(pid);
    for (const child of [this.#outsideServers, this.#host, this.#outside]) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await eventually('the box can be removed', () => {
      try {
        rmSync(this.folder, { recursive: true, force: true });
        return true;
      } catch {
        return false;
      }
    });
  }
}

/** Starts a process that holds new namespaces, after `setUp` (shell) has succeeded in them. */
async function startNamespace(unshare: readonly string[], setUp: string): Promise<ChildProcess> {
  const child = start([...unshare, 'sh', '-ec', `${setUp}\necho up\nexec sleep infinity`]);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await eventually('a namespace is set up', () => {
    if (child.exitCode !== null) throw new Error(`setting up a namespace failed:\n${printed}`);
    return printed.includes('up\n');
  });
  return child;
}

/**
 * The host's own /run, /sys and resolv.conf, and its link to the outside. A sysfs shows the interfaces of the
 * namespace that mounted it; the cgroup mounts below it are carried over.
 */
function hostSetUp(folder: string, outsidePid: number): string {
  return `
    mkdir ${folder}/cgroup
    mount --rbind /sys/fs/cgroup ${folder}/cgroup
    mount -t sysfs sysfs /sys
    mount --rbind ${folder}/cgroup /sys/fs/cgroup
    umount -l ${folder}/cgroup
    mount -t tmpfs tmpfs /run
    mkdir /run/netns /run/lock
    mount --bind ${folder}/resolv.conf /etc/resolv.conf
    ip link set lo up
    ip link add eth0 type veth peer name eth0 netns ${outsidePid}
    ip addr add ${HOST_ADDRESS}/24 dev eth0
    ip link set eth0 up
    ip route add default via ${OUTSIDE_ADDRESS}`;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
