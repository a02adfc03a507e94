export type * from './model.js';
export { Engine } from './engine.js';
export type { Containers } from './containers/containers.js';
export type { EventBus } from './events/event-bus.js';
export type { Execs } from './execs/execs.js';
export type { Images } from './images/images.js';
export type { EngineNetworks } from './networks/engine-networks.js';
export { parsePort } from './images/config.js';
export { parseReference, familiarName, type ImageReference } from './images/reference.js';
