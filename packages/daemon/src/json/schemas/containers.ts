import type { XStatic } from 'typebox/schema';
import { HostConfig, OptionalPortBindings } from './host-config.js';
import { OptionalEndpointSettings } from './networks.js';
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
    StopSignal: OptionalString,
    StopTimeout: OptionalInteger,
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

/** Of what Docker can change of a container nothing yet; its published ports are Berth's own. */
export const ContainerUpdate = {
  type: 'object',
  properties: { PortBindings: OptionalPortBindings },
} as const;
export type ContainerUpdate = XStatic<typeof ContainerUpdate>;
