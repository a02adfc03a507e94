/** Flags of `run` and `create` that docker (28.2) has and Berth does not have yet. */
const CONTAINER_FLAGS = [
  ...['-a', '--attach', '--cidfile', '--cpu-count', '--cpu-percent', '--disable-content-trust'],
  ...['--io-maxbandwidth', '--io-maxiops', '--isolation', '--kernel-memory', '--label-file', '--platform'],
  ...['--pull', '-q', '--quiet', '--sig-proxy', '--use-api-socket'],
];

/** Flags that docker has and Berth does not have yet, by command. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  run: CONTAINER_FLAGS,
  create: CONTAINER_FLAGS,
  update: ['--kernel-memory'],
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
  pull: ['-a', '--all-tags', '--disable-content-trust'],
  push: ['-a', '--all-tags', '--disable-content-trust', '--platform'],
  load: ['--platform'],
  save: ['--platform'],
};

/** What to say of a flag that a command has not: docker's words, or that it is not there yet. */
export function unknownFlag(command: string, flag: string): string {
  const [name = ''] = flag.split(' ');
  if (FLAGS[command]?.includes(name) === true) return `${name} is not supported by Berth yet`;
  return flag.startsWith('--')
    ? `unknown flag: ${flag}`
    : `unknown shorthand flag: '${flag.charAt(1)}' in ${flag.split(' ').at(-1) ?? flag}`;
}
