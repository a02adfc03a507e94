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
  pull: { summary: 'Not there yet: see image import', load: async () => (await images()).pull },
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
