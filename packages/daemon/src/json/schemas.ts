import type { XStatic } from 'typebox/schema';

/** Go clients send null for whatever the user left alone. */
const nullable = <const Schema>(schema: Schema) => ({ anyOf: [schema, { type: 'null' }] }) as const;

const OptionalString = { type: ['string', 'null'] } as const;
const OptionalBoolean = { type: ['boolean', 'null'] } as const;
const OptionalInteger = { type: ['integer', 'null'] } as const;
const OptionalStrings = nullable({ type: 'array', items: { type: 'string' } });
const OptionalStringMap = nullable({ type: 'object', additionalProperties: { type: 'string' } });
/** A Go set: only the keys matter. */
const OptionalSet = nullable({ type: 'object', additionalProperties: { type: 'object' } });
/** A command: Docker takes one string for a list of one. */
const OptionalCommand = {
  anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'string' }, { type: 'null' }],
} as const;

const OptionalEndpointSettings = nullable({
  type: 'object',
  properties: {
    IPAMConfig: nullable({
      type: 'object',
      properties: { IPv4Address: OptionalString, IPv6Address: OptionalString, LinkLocalIPs: OptionalStrings },
    }),
    Links: OptionalStrings,
    Aliases: OptionalStrings,
    MacAddress: OptionalString,
    DriverOpts: OptionalStringMap,
    GwPriority: OptionalInteger,
  },
});
export type EndpointSettings = NonNullable<XStatic<typeof OptionalEndpointSettings>>;

const OptionalPortBindings = nullable({
  type: 'object',
  additionalProperties: nullable({
    type: 'array',
    items: { type: 'object', properties: { HostIp: OptionalString, HostPort: OptionalString } },
  }),
});

export const HostConfig = {
  type: 'object',
  properties: {
    ConsoleSize: nullable({ type: 'array', items: { type: 'integer' } }),
    NetworkMode: OptionalString,
    Binds: OptionalStrings,
    PortBindings: OptionalPortBindings,
    PublishAllPorts: OptionalBoolean,
    AutoRemove: OptionalBoolean,
    Dns: OptionalStrings,
    DnsSearch: OptionalStrings,
    DnsOptions: OptionalStrings,
    ExtraHosts: OptionalStrings,
    Links: OptionalStrings,
    Privileged: OptionalBoolean,
    CapAdd: OptionalStrings,
    CapDrop: OptionalStrings,
    ReadonlyRootfs: OptionalBoolean,
    ShmSize: { type: ['integer', 'null'], minimum: 0 },
    Sysctls: OptionalStringMap,
    LogConfig: nullable({ type: 'object', properties: { Type: OptionalString, Config: OptionalStringMap } }),
    RestartPolicy: nullable({
      type: 'object',
      properties: { Name: OptionalString, MaximumRetryCount: OptionalInteger },
    }),
  },
} as const;
export type HostConfig = XStatic<typeof HostConfig>;

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

export const ExecCreate = {
  type: 'object',
  properties: {
    Cmd: OptionalCommand,
    Tty: OptionalBoolean,
    AttachStdin: OptionalBoolean,
    AttachStdout: OptionalBoolean,
    AttachStderr: OptionalBoolean,
    Env: OptionalStrings,
    User: OptionalString,
    WorkingDir: OptionalString,
    Privileged: OptionalBoolean,
    DetachKeys: OptionalString,
  },
} as const;
export type ExecCreate = XStatic<typeof ExecCreate>;

export const ExecStart = nullable({
  type: 'object',
  properties: {
    Detach: OptionalBoolean,
    Tty: OptionalBoolean,
    ConsoleSize: nullable({ type: 'array', items: { type: 'integer' } }),
  },
});

export const NetworkCreate = {
  type: 'object',
  properties: {
    Name: { type: 'string', minLength: 1 },
    Driver: OptionalString,
    Internal: OptionalBoolean,
    Attachable: OptionalBoolean,
    EnableIPv4: OptionalBoolean,
    EnableIPv6: OptionalBoolean,
    ConfigOnly: OptionalBoolean,
    ConfigFrom: nullable({ type: 'object', properties: { Network: OptionalString } }),
    Options: OptionalStringMap,
    Labels: OptionalStringMap,
    IPAM: nullable({
      type: 'object',
      properties: {
        Driver: OptionalString,
        Options: OptionalStringMap,
        Config: nullable({
          type: 'array',
          items: {
            type: 'object',
            properties: {
              Subnet: OptionalString,
              IPRange: OptionalString,
              Gateway: OptionalString,
              // The name in the API's description, then the one that Docker's own client sends.
              AuxiliaryAddresses: OptionalStringMap,
              AuxAddress: OptionalStringMap,
            },
          },
        }),
      },
    }),
  },
  required: ['Name'],
} as const;
export type NetworkCreate = XStatic<typeof NetworkCreate>;

/** Berth's own: what can be changed of a network that is there. A null takes a label or an option away. */
export const NetworkUpdate = {
  type: 'object',
  properties: {
    Labels: { type: 'object', additionalProperties: OptionalString },
    Options: { type: 'object', additionalProperties: OptionalString },
    Internal: { type: 'boolean' },
    Dns: { type: 'array', items: { type: 'string' } },
  },
} as const;
export type NetworkUpdate = XStatic<typeof NetworkUpdate>;

export const NetworkConnect = {
  type: 'object',
  properties: { Container: { type: 'string', minLength: 1 }, EndpointConfig: OptionalEndpointSettings },
  required: ['Container'],
} as const;

export const NetworkDisconnect = {
  type: 'object',
  properties: { Container: { type: 'string', minLength: 1 }, Force: OptionalBoolean },
  required: ['Container'],
} as const;
