import type { XStatic } from 'typebox/schema';
import { HostConfig, OptionalPortBindings, OptionalRestartPolicy } from './host-config.js';
import { OptionalEndpointSettings } from './networks.js';
import { ChangeableResources } from './resources.js';
import {
  nullable,
  OptionalBoolean,
  OptionalCommand,
  OptionalInteger,
  OptionalSet,
  OptionalString,
  OptionalStringMap,
  OptionalStrings,
} from './values.js';

export const HealthConfig = {
  type: 'object',
  properties: {
    Test: OptionalStrings,
    Interval: OptionalInteger,
    Timeout: OptionalInteger,
    Retries: OptionalInteger,
    StartPeriod: OptionalInteger,
    StartInterval: OptionalInteger,
  },
} as const;
export type HealthConfig = XStatic<typeof HealthConfig>;

export const ContainerCreate = {
  type: 'object',
  properties: {
    Image: { type: 'string', minLength: 1 },
    Cmd: OptionalCommand,
    Entrypoint: OptionalCommand,
    Env: OptionalStrings,
    WorkingDir: OptionalString,
    User: OptionalString,
    Hostname: OptionalString,
    Domainname: OptionalString,
    Tty: OptionalBoolean,
    OpenStdin: OptionalBoolean,
    StdinOnce: OptionalBoolean,
    AttachStdin: OptionalBoolean,
    AttachStdout: OptionalBoolean,
    AttachStderr: OptionalBoolean,
    Labels: OptionalStringMap,
    ExposedPorts: OptionalSet,
    Volumes: OptionalSet,
    StopSignal: OptionalString,
    StopTimeout: OptionalInteger,
    Healthcheck: nullable(HealthConfig),
    MacAddress: OptionalString,
    HostConfig: nullable(HostConfig),
    NetworkingConfig: nullable({
      type: 'object',
      properties: {
        EndpointsConfig: nullable({ type: 'object', additionalProperties: OptionalEndpointSettings }),
      },
    }),
  },
  required: ['Image'],
} as const;
export type ContainerCreate = XStatic<typeof ContainerCreate>;

/** What can be changed of a container that is there; its published ports are Berth's own. */
export const ContainerUpdate = {
  type: 'object',
  properties: {
    ...ChangeableResources,
    PortBindings: OptionalPortBindings,
    RestartPolicy: OptionalRestartPolicy,
  },
} as const;
export type ContainerUpdate = XStatic<typeof ContainerUpdate>;
