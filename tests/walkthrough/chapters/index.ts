import type { Chapter } from '../step.js';
import { bridge } from './bridge.js';
import { dockerBridge } from './docker-bridge.js';
import { dockerCustom } from './docker-custom.js';
import { dockerModes } from './docker-modes.js';
import { interfaces } from './interfaces.js';
import { namespaces } from './namespaces.js';
import { ports } from './ports.js';
import { veth } from './veth.js';

/** The Linux half of the text, in its order. */
export const linuxHalf: readonly Chapter[] = [interfaces, namespaces, veth, bridge];
/** The Docker half of the text, in its order. */
export const dockerHalf: readonly Chapter[] = [dockerBridge, dockerModes, dockerCustom, ports];
