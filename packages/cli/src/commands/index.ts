/** Runs a command with its words; resolves with the exit status. */
export type Run = (argv: readonly string[]) => Promise<number>;

interface Entry {
  readonly summary: string;
  /** Only what a command needs is loaded: the time to start is the user's. */
  readonly load: () => Promise<Run>;
  /** The status of a refusal by the daemon: 125 where the status could be that of a container's own command. */
  readonly refused?: number;
}

const lifecycle = () => import('./lifecycle.js');
const networks = () => import('./networks.js');
const images = () => import('./images.js');
const listings = () => import('./listings.js');
const archives = () => import('./archives.js');
const monitoring = () => import('./monitoring.js');
const volumes = () => import('./volumes.js');

/** Commands by their words; those of one word go first in help. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    summary: 'Create and run a new container',
    load: async () => (await import('./run.js')).run,
    refused: 125,
  },
  create: { summary: 'Create a container', load: async () => (await import('./run.js')).create },
  start: { summary: 'Start stopped containers', load: async () => (await lifecycle()).start },
  stop: { summary: 'Stop running containers', load: async () => (await lifecycle()).stop },
  restart: { summary: 'Restart containers', load: async () => (await lifecycle()).restart },
  pause: { summary: 'Hold all processes of containers', load: async () => (await lifecycle()).pause },
  unpause: { summary: 'Let paused containers go on', load: async () => (await lifecycle()).unpause },
  kill: { summary: 'Kill running containers', load: async () => (await lifecycle()).kill },
  rm: { summary: 'Remove containers', load: async () => (await lifecycle()).rm },
  dns: {
    summary: 'Tell how the host finds containers by name',
    load: async () => (await import('./dns.js')).dns,
  },
  update: {
    summary: 'Change the published ports of containers',
    load: async () => (await import('./update.js')).update,
  },
  rename: { summary: 'Rename a container', load: async () => (await lifecycle()).rename },
  wait: { summary: 'Wait until containers end', load: async () => (await lifecycle()).wait },
  attach: { summary: 'Attach to a running container', load: async () => (await lifecycle()).attach },
  ps: { summary: 'List containers', load: async () => (await listings()).ps },
  exec: {
    summary: 'Run a command in a running container',
    load: async () => (await import('./exec.js')).exec,
  },
  logs: { summary: 'Print the output of a container', load: async () => (await import('./logs.js')).logs },
  port: { summary: 'List published ports', load: async () => (await import('./exec.js')).port },
  inspect: {
    summary: 'Print all about containers, images, networks',
    load: async () => {
      const { inspect } = await import('./inspect.js');
      return (argv) => inspect(argv);
    },
  },
  'image ls': { summary: 'List images', load: async () => (await listings()).imageLs },
  'image import': { summary: 'Make an image of an archive', load: async () => (await images()).imageImport },
  'image rm': { summary: 'Remove images', load: async () => (await images()).imageRm },
  'image tag': { summary: 'Give an image a further name', load: async () => (await images()).imageTag },
  'image inspect': {
    summary: 'Print all about images',
    load: async () => {
      const { inspect } = await import('./inspect.js');
      return (argv) => inspect(argv, 'image');
    },
  },
  pull: { summary: 'Fetch an image from a registry', load: async () => (await import('./registry.js')).pull },
  push: { summary: 'Send an image to a registry', load: async () => (await import('./registry.js')).push },
  load: { summary: 'Read images from an archive', load: async () => (await archives()).load },
  save: { summary: 'Write images to an archive', load: async () => (await archives()).save },
  commit: { summary: 'Make an image of a container', load: async () => (await archives()).commit },
  build: { summary: 'Build an image from a Dockerfile', load: async () => (await archives()).build },
  export: {
    summary: "Write a container's file system to an archive",
    load: async () => (await archives()).exportContainer,
  },
  cp: { summary: 'Copy files from or to a container', load: async () => (await import('./copy.js')).cp },
  diff: {
    summary: "Print a container's changed files",
    load: async () => (await import('./changes.js')).diff,
  },
  history: {
    summary: 'Print how an image was made',
    load: async () => (await import('./changes.js')).history,
  },
  stats: { summary: 'Print what containers use', load: async () => (await monitoring()).stats },
  top: { summary: 'Print the processes of a container', load: async () => (await monitoring()).top },
  env: { summary: "Print the line for Docker's clients", load: async () => (await import('./env.js')).env },
  'system df': { summary: 'Print what takes room', load: async () => (await monitoring()).systemDf },
  'container prune': {
    summary: 'Remove all stopped containers',
    load: async () => (await volumes()).prune('container'),
  },
  'image prune': { summary: 'Remove dangling images', load: async () => (await volumes()).prune('image') },
  'volume ls': { summary: 'List volumes', load: async () => (await listings()).volumeLs },
  'volume create': { summary: 'Create a volume', load: async () => (await volumes()).volumeCreate },
  'volume rm': { summary: 'Remove volumes', load: async () => (await volumes()).volumeRm },
  'volume prune': { summary: 'Remove unused volumes', load: async () => (await volumes()).prune('volume') },
  'volume inspect': {
    summary: 'Print all about volumes',
    load: async () => {
      const { inspect } = await import('./inspect.js');
      return (argv) => inspect(argv, 'volume');
    },
  },
  'network ls': { summary: 'List networks', load: async () => (await listings()).networkLs },
  'network create': { summary: 'Create a network', load: async () => (await networks()).networkCreate },
  'network update': { summary: 'Change a network', load: async () => (await networks()).networkUpdate },
  'network rm': { summary: 'Remove networks', load: async () => (await networks()).networkRm },
  'network inspect': {
    summary: 'Print all about networks',
    load: async () => {
      const { inspect } = await import('./inspect.js');
      return (argv) => inspect(argv, 'network');
    },
  },
  'network connect': {
    summary: 'Connect a container to a network',
    load: async () => (await networks()).networkConnect,
  },
  'network disconnect': {
    summary: 'Disconnect a container',
    load: async () => (await networks()).networkDisconnect,
  },
  'network prune': {
    summary: 'Remove networks that are not used',
    load: async () => (await networks()).networkPrune,
  },
  events: { summary: 'Print what happens', load: async () => (await import('./logs.js')).events },
  info: { summary: 'Print facts about the daemon', load: async () => (await import('./system.js')).info },
  version: { summary: 'Print versions', load: async () => (await import('./system.js')).version },
  ip: {
    summary: 'Links, addresses, routes, namespaces, as iproute2',
    load: async () => asRun((await import('../ip/index.js')).runIp),
  },
  brctl: {
    summary: 'Bridges, as bridge-utils',
    load: async () => asRun((await import('../brctl/index.js')).runBrctl),
  },
  nsexec: {
    summary: "Run a program of the host in a container's network",
    load: async () => asRun((await import('../nsexec/index.js')).runNsexec),
    refused: 125,
  },
  daemon: {
    summary: 'Start the daemon',
    load: async () => {
      const { daemonCommand } = await import('@berth/daemon');
      return async (argv) => {
        await daemonCommand([...argv]);
        return Number(process.exitCode ?? 0);
      };
    },
  },
};

/** Other words for the same: `docker image …` has short forms, `docker container …` long ones. */
export const ALIASES: Readonly<Record<string, string>> = {
  images: 'image ls',
  rmi: 'image rm',
  import: 'image import',
  tag: 'image tag',
  'image list': 'image ls',
  'image remove': 'image rm',
  'image pull': 'pull',
  'image push': 'push',
  'image load': 'load',
  'image save': 'save',
  'image build': 'build',
  'image history': 'history',
  'volume list': 'volume ls',
  'volume remove': 'volume rm',
  'network list': 'network ls',
  'network remove': 'network rm',
  'container ls': 'ps',
  'container list': 'ps',
  'container ps': 'ps',
  'container remove': 'rm',
  'system info': 'info',
  'system events': 'events',
};

function asRun(run: (argv: string[]) => Promise<number>): Run {
  return (argv) => run([...argv]);
}
