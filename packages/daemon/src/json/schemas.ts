export * from './schemas/containers.js';
export * from './schemas/execs.js';
export * from './schemas/host-config.js';
export * from './schemas/networks.js';
