import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store, silentLogger } from '@berth/core';
import { NetworkManager } from '@berth/network';
import koffi from 'koffi';
import { Engine } from './engine.js';
import type { AttachStream, ContainerSpec, ExecSpec, HostSpec } from './model.js';
import { HOST, SPEC } from './spec.fixture.js';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;
const CGROUP = 'berth-engine-test';

const run = (...[program = '', ...args]: string[]) =>
  execFileSync(program, args, { encoding: 'utf8' }).trim();

/** An engine of its own roots, in a network namespace of its own into which this test process moves. */
export class EngineBox {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-engine-'));
  engine!: Engine;
  network!: NetworkManager;
  #store!: Store;

  private constructor() {
    const unshare = koffi.load('libc.so.6').func('int unshare(int flags)') as (flags: number) => number;
    if (unshare(CLONE_NEWNET) !== 0) throw new Error('these tests need root: unshare failed');
    run('ip', 'link', 'set', 'lo', 'up');
  }

  /** With the image `busybox`. */
  static async create(): Promise<EngineBox> {
    const box = new EngineBox();
    await box.open();
    const root = join(box.folder, 'rootfs');
    const make = `mkdir -p ${root}/bin ${root}/etc; cp /bin/busybox ${root}/bin
      for applet in sh cat echo sleep id stty env hostname ip mount unshare true grep; do
        ln -s busybox ${root}/bin/$applet
      done
      echo root:x:0:0:root:/root:/bin/sh > ${root}/etc/passwd; tar -C ${root} -cf ${box.folder}/root.tar .`;
    run('sh', '-ec', make);
    const archive = createReadStream(join(box.folder, 'root.tar'));
    await box.engine.images.import(archive, { repository: 'busybox', changes: ['CMD ["sh"]'] });
    return box;
  }

  /** Also after {@link close}: as a daemon that starts again. */
  async open(): Promise<void> {
    const { folder } = this;
    const execRoot = join(folder, 'exec');
    this.#store = Store.open(join(folder, 'berth.db'));
    this.network = await NetworkManager.open({
      store: this.#store,
      execRoot,
      logger: silentLogger,
      bridgeName: 'berth0',
      defaultBridge: { icc: true, ipMasq: true, ipv6: false },
      firewallCoexist: false,
      ipForward: true,
      defaultBindAddress: '0.0.0.0',
      dns: { servers: [], defaultBridgeNames: false, forwardSingleLabels: false },
    });
    this.engine = await Engine.open({
      dataRoot: join(folder, 'data'),
      execRoot,
      store: this.#store,
      network: this.network,
      logger: silentLogger,
      cgroupParent: `/${CGROUP}`,
      runtimes: { runc: run('which', 'runc'), conmon: run('which', 'conmon') },
      findTool: (name) => run('which', name),
    });
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.network.close();
    this.#store.close();
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true, force: true });
    for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
      try {
        rmdirSync(join('/sys/fs/cgroup', hierarchy, CGROUP));
      } catch {
        // Not every hierarchy has one.
      }
    }
  }

  /** What there is of containers, anywhere; nothing, when there is none. */
  leftovers(): string[] {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const folders = ['exec/containers', 'exec/runc', 'exec/exits', 'data/containers'];
    return [
      ...mounts.filter((line) => line.includes(this.folder)),
      ...folders.flatMap((name) => readdirSync(join(this.folder, name))),
      ...run('ip', '-br', 'link', 'show', 'type', 'veth')
        .split('\n')
        .filter((line) => line !== ''),
    ];
  }

  /** Runs a container to its end; what it wrote on stdout, and how it ended. */
  async toEnd(wanted: ContainerSpec, input?: string): Promise<{ output: string; exitCode: number }> {
    const { containers } = this.engine;
    const { container } = await containers.create(wanted);
    const stream = containers.attach(container.id, ATTACH);
    const ended = containers.wait(container.id, 'next-exit');
    stream.stdin?.end(input);
    await containers.start(container.id);
    const output = await text(stream, 'stdout');
    return { output, exitCode: (await ended).exitCode };
  }

  /** A container that runs until it is told to end, which it does with code 9. */
  async running(name = 'web') {
    const { containers } = this.engine;
    const { container } = await containers.create(spec("trap 'exit 9' TERM; sleep 100 & wait", { name }));
    await containers.start(container.id);
    return containers.get(container.id);
  }

  /** Runs a command in the container `web`. */
  async exec(command: string[], more: Partial<ExecSpec> = {}, input?: string) {
    const { execs } = this.engine;
    const { id } = execs.create('web', { ...EXEC, command, ...more });
    const stream = await execs.start(id, { detach: false, tty: more.tty ?? false });
    if (stream === undefined) throw new Error('not attached');
    if (input !== undefined) stream.stdin?.write(input);
    if (more.tty !== true) stream.stdin?.end();
    const output = await text(stream);
    return { output, exitCode: execs.get(id).exitCode };
  }
}

export function spec(
  command: string,
  more: Partial<ContainerSpec> = {},
  host: Partial<HostSpec> = {},
): ContainerSpec {
  return {
    ...SPEC,
    command: ['sh', '-c', command],
    env: [],
    ...more,
    host: { ...HOST, ...host },
  };
}

const EXEC: ExecSpec = {
  command: [],
  tty: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  env: [],
  privileged: false,
};
export const ATTACH = { stdin: true, stdout: true, stderr: true, logs: false, stream: true };

export async function text({ output }: AttachStream, stream?: 'stdout' | 'stderr'): Promise<string> {
  let all = '';
  for await (const chunk of output)
    if (stream === undefined || chunk.stream === stream) all += chunk.data.toString();
  return all;
}
