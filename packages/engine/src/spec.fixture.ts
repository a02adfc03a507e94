import type { ContainerSpec, HostSpec } from './model.js';

/** What a container has of its host when nothing else was asked for. */
export const HOST: HostSpec = {
  networkMode: 'bridge',
  portBindings: [],
  binds: [],
  autoRemove: false,
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
};
/** A container of busybox that nobody talks to. */
export const SPEC: ContainerSpec = {
  image: 'busybox',
  env: ['A=1'],
  tty: false,
  openStdin: false,
  stdinOnce: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  labels: {},
  exposedPorts: [],
  host: HOST,
  networks: {},
};
