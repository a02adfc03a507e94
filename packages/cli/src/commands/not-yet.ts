/** Flags of `run` and `create` that docker (28.2) has and Berth does not have yet. */
const CONTAINER_FLAGS = [
  ...['--annotation', '-a', '--attach', '--blkio-weight', '--blkio-weight-device', '--cgroup-parent'],
  ...['--cgroupns', '--cidfile', '--cpu-count', '--cpu-percent', '--cpu-period', '--cpu-quota'],
  ...['--cpu-rt-period', '--cpu-rt-runtime', '-c', '--cpu-shares', '--cpus', '--cpuset-cpus'],
  ...['--cpuset-mems', '--device', '--device-cgroup-rule', '--device-read-bps', '--device-read-iops'],
  ...['--device-write-bps', '--device-write-iops', '--disable-content-trust', '--gpus', '--group-add'],
  ...['--health-cmd', '--health-interval', '--health-retries', '--health-start-interval'],
  ...['--health-start-period', '--health-timeout', '--init', '--io-maxbandwidth', '--io-maxiops'],
  ...['--ipc', '--isolation', '--kernel-memory', '--label-file'],
  ...['--log-driver', '--log-opt', '-m', '--memory', '--memory-reservation', '--memory-swap'],
  ...['--memory-swappiness', '--mount', '--no-healthcheck', '--oom-kill-disable', '--oom-score-adj'],
  ...['--pid', '--pids-limit', '--platform', '--pull', '-q', '--quiet', '--restart', '--runtime'],
  ...['--security-opt', '--shm-size', '--sig-proxy', '--storage-opt', '--tmpfs', '--ulimit'],
  ...['--use-api-socket', '--userns', '--uts', '--volume-driver', '--volumes-from'],
];

/** Flags that docker has and Berth does not have yet, by command. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  run: CONTAINER_FLAGS,
  create: CONTAINER_FLAGS,
  update: [
    ...['--blkio-weight', '--cpu-period', '--cpu-quota', '--cpu-rt-period', '--cpu-rt-runtime', '-c'],
    ...['--cpu-shares', '--cpus', '--cpuset-cpus', '--cpuset-mems', '--kernel-memory', '-m', '--memory'],
    ...['--memory-reservation', '--memory-swap', '--pids-limit', '--restart'],
  ],
  start: ['--checkpoint', '--checkpoint-dir'],
  attach: ['--sig-proxy'],
  rm: ['-l', '--link'],
  ps: ['-s', '--size'],
  logs: ['--details'],
  inspect: ['-s', '--size'],
  'image ls': ['--digests', '--tree'],
  'image rm': ['--platform'],
  'image import': ['--platform'],
  'image inspect': ['--platform'],
  pull: ['-a', '--all-tags', '--disable-content-trust', '--platform', '-q', '--quiet'],
};

/** What to say of a flag that a command has not: docker's words, or that it is not there yet. */
export function unknownFlag(command: string, flag: string): string {
  const [name = ''] = flag.split(' ');
  if (FLAGS[command]?.includes(name) === true) return `${name} is not supported by Berth yet`;
  return flag.startsWith('--')
    ? `unknown flag: ${flag}`
    : `unknown shorthand flag: '${flag.charAt(1)}' in ${flag.split(' ').at(-1) ?? flag}`;
}
