import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BerthError, Store, toError, type Logger } from '@berth/core';
import { Engine } from '@berth/engine';
import { NetworkManager } from '@berth/network';
import { addRoutes } from '../api/index.js';
import { DEFAULT_DATA_ROOT, type DaemonConfig } from '../config/config.js';
import { createServer } from '../http/server.js';
import { findInit, findProgram, hostFacts } from './host.js';
import { requireKernel } from './kernel.js';
import { claimPidfile } from './pidfile.js';
import { PRODUCT, VERSION } from './product.js';
import { hostOf, listen } from './socket.js';

export interface Daemon {
  /** Stops answering and lets go of everything; containers go on. */
  close(): Promise<void>;
}

/** What to undo at the end, in reverse order. */
type Ending = readonly [what: string, end: () => void | Promise<void>];

/**
 * Starts a daemon in the network namespace of this process.
 *
 * @throws BerthError naming what is missing or in the way; nothing is left running then
 */
export async function startDaemon(config: DaemonConfig, logger: Logger): Promise<Daemon> {
  if (process.getuid?.() !== 0) {
    throw new BerthError(
      'forbidden',
      'the daemon must be run as root: it makes namespaces, links and mounts',
    );
  }
  const endings: Ending[] = [];
  const close = async () => {
    for (const [what, end] of endings.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        logger.error(`closing ${what} failed`, { error: toError(error) });
      }
    }
  };
  try {
    await open(config, logger, endings);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

async function open(config: DaemonConfig, logger: Logger, endings: Ending[]): Promise<void> {
  const init = findInit();
  const runtimes = {
    runc: findProgram('runc'),
    conmon: findProgram('conmon'),
    ...(init !== undefined && { init }),
  };
  // Others may pass through, to sockets and mounts that are theirs, but not look around.
  mkdirSync(config.execRoot, { recursive: true, mode: 0o711 });
  mkdirSync(config.dataRoot, { recursive: true, mode: 0o711 });
  endings.push(['the pid file', claimPidfile(config.pidfile)]);
  await requireKernel(config.execRoot);
  const store = Store.open(join(config.dataRoot, 'berth.db'));
  endings.push(['the store', () => store.close()]);
  // The networks are there before the engine that tells of them.
  let engine: Engine | undefined = undefined as Engine | undefined;
  const network = await NetworkManager.open({
    store,
    execRoot: config.execRoot,
    logger,
    bridgeName: config.bridgeName,
    defaultBridge: {
      bip: config.bip,
      fixedCidr: config.fixedCidr,
      ipv6: config.ipv6,
      bip6: config.bip6,
      fixedCidr6: config.fixedCidr6,
      mtu: config.mtu,
      icc: config.icc,
      ipMasq: config.ipMasq,
    },
    defaultAddressPools: config.addressPools.length === 0 ? undefined : [...config.addressPools],
    ipForward: config.ipForward,
    firewallCoexist: config.firewallCoexist,
    defaultBindAddress: config.defaultBindAddress,
    dns: {
      servers: [...config.dns],
      defaultBridgeNames: config.defaultBridgeNames,
      forwardSingleLabels: config.dnsSingleLabels,
      ...(config.dnsListen && { hostListener: config.dnsListen }),
    },
    onOverlap: (id, routes) => engine?.networks.overlap(id, routes),
  });
  endings.push(['the networks', () => network.close()]);
  engine = await Engine.open({
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    store,
    network,
    logger,
    cgroupParent: cgroupParentOf(config.dataRoot),
    runtimes,
    findTool: findProgram,
  });
  const opened = engine;
  endings.push(['the engine', () => opened.close()]);
  const app = createServer(logger, `${PRODUCT}/${VERSION}`);
  addRoutes(app, { engine: opened, host: hostFacts(config, store, runtimes), logger });
  endings.push(['the API', () => app.close()]);
  const extra = await listen(app, config);
  const closeExtra = () => {
    for (const server of extra) server.close();
  };
  endings.push(['the sockets', closeExtra]);
  for (const host of [...config.sockets, ...config.tcp.map(hostOf)]) logger.info(`API listen on ${host}`);
}

/** Each daemon of a machine has a cgroup of its own, so that its end can remove it. */
function cgroupParentOf(dataRoot: string): string {
  if (dataRoot === DEFAULT_DATA_ROOT) return '/berth';
  return `/berth-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;
}
