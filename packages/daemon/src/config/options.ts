import { LOG_LEVELS } from '@berth/core';
import type { XStatic } from 'typebox/schema';

const Text = { type: 'string', minLength: 1 } as const;
const Texts = { type: 'array', items: Text } as const;
const Switch = { type: 'boolean' } as const;

/** What a configuration file may say, under dockerd's names; flags have the same meaning and the same limits. */
export const ConfigFile = {
  type: 'object',
  properties: {
    hosts: Texts,
    'data-root': Text,
    'exec-root': Text,
    pidfile: Text,
    tlsverify: Switch,
    tlscacert: Text,
    tlscert: Text,
    tlskey: Text,
    'bridge-name': Text,
    bip: Text,
    'fixed-cidr': Text,
    // 68 is what RFC 791 asks of every link; 65535 is the longest IPv4 packet.
    mtu: { type: 'integer', minimum: 68, maximum: 65535 },
    'default-address-pools': {
      type: 'array',
      items: {
        type: 'object',
        properties: { base: Text, size: { type: 'integer', minimum: 1, maximum: 126 } },
        required: ['base', 'size'],
        additionalProperties: false,
      },
    },
    dns: Texts,
    'default-bridge-names': Switch,
    'dns-single-labels': Switch,
    'dns-listen': Text,
    icc: Switch,
    ip: Text,
    'ip-masq': Switch,
    'ip-forward': Switch,
    ipv6: Switch,
    bip6: Text,
    'fixed-cidr-v6': Text,
    'firewall-coexist': Switch,
    'log-level': { enum: LOG_LEVELS },
  },
  additionalProperties: false,
} as const;
export type ConfigFile = XStatic<typeof ConfigFile>;
export type ConfigKey = keyof typeof ConfigFile.properties;

type Kind = 'text' | 'integer' | 'boolean' | 'list' | 'pools';

interface Flag {
  readonly key: ConfigKey;
  /** As commander has it. */
  readonly flags: string;
  readonly kind: Kind;
  readonly help: string;
}

export const FLAGS: readonly Flag[] = [
  {
    key: 'hosts',
    flags: '-H, --host <url>',
    kind: 'list',
    help: 'socket to listen on, unix:///path or tcp://address:port (repeatable; default unix:///run/berth/berth.sock)',
  },
  {
    key: 'tlsverify',
    flags: '--tlsverify [boolean]',
    kind: 'boolean',
    help: 'ask TCP clients for certificates, and verify them (a TCP host needs it)',
  },
  {
    key: 'tlscacert',
    flags: '--tlscacert <path>',
    kind: 'text',
    help: "certificate of the authority that has signed the clients' certificates",
  },
  { key: 'tlscert', flags: '--tlscert <path>', kind: 'text', help: "the daemon's certificate" },
  { key: 'tlskey', flags: '--tlskey <path>', kind: 'text', help: "the key of the daemon's certificate" },
  {
    key: 'data-root',
    flags: '--data-root <path>',
    kind: 'text',
    help: 'where images, containers and networks are kept (default /var/lib/berth)',
  },
  {
    key: 'exec-root',
    flags: '--exec-root <path>',
    kind: 'text',
    help: 'where the state of what runs is kept (default /run/berth)',
  },
  {
    key: 'pidfile',
    flags: '-p, --pidfile <path>',
    kind: 'text',
    help: 'file for the number of the process (default <exec-root>/berth.pid)',
  },
  {
    key: 'bridge-name',
    flags: '--bridge-name <name>',
    kind: 'text',
    help: 'link of the default bridge network (default berth0)',
  },
  {
    key: 'bip',
    flags: '--bip <cidr>',
    kind: 'text',
    help: 'address and prefix of the default bridge, e.g. 172.17.0.1/16',
  },
  {
    key: 'fixed-cidr',
    flags: '--fixed-cidr <cidr>',
    kind: 'text',
    help: "part of the default bridge's subnet that containers get addresses from",
  },
  {
    key: 'mtu',
    flags: '--mtu <bytes>',
    kind: 'integer',
    help: "MTU of the default bridge network (default: the least of the host's ways out)",
  },
  {
    key: 'default-address-pools',
    flags: '--default-address-pool <pool>',
    kind: 'pools',
    help: 'pool for networks without a subnet, base=CIDR,size=BITS (repeatable)',
  },
  {
    key: 'dns',
    flags: '--dns <address>',
    kind: 'list',
    help: "name server for containers (repeatable; default the host's)",
  },
  {
    key: 'default-bridge-names',
    flags: '--default-bridge-names [boolean]',
    kind: 'boolean',
    help: 'give containers of the default bridge names, as those of other networks have (default false)',
  },
  {
    key: 'dns-single-labels',
    flags: '--dns-single-labels [boolean]',
    kind: 'boolean',
    help: 'ask name servers for unknown names of one label, too (default false)',
  },
  {
    key: 'dns-listen',
    flags: '--dns-listen <address:port>',
    kind: 'text',
    help: "loopback address at which the host itself can ask for containers' names, e.g. 127.0.0.54:53",
  },
  {
    key: 'icc',
    flags: '--icc [boolean]',
    kind: 'boolean',
    help: 'let containers of the default bridge reach each other (default true)',
  },
  {
    key: 'ip',
    flags: '--ip <address>',
    kind: 'text',
    help: 'host address that ports are published on by default (default 0.0.0.0)',
  },
  {
    key: 'ip-masq',
    flags: '--ip-masq [boolean]',
    kind: 'boolean',
    help: 'masquerade what containers send outside (default true)',
  },
  {
    key: 'ip-forward',
    flags: '--ip-forward [boolean]',
    kind: 'boolean',
    help: "switch the host's forwarding on (default true)",
  },
  {
    key: 'ipv6',
    flags: '--ipv6 [boolean]',
    kind: 'boolean',
    help: 'IPv6 on the default bridge (default false)',
  },
  {
    key: 'bip6',
    flags: '--bip6 <cidr>',
    kind: 'text',
    help: 'IPv6 address and prefix of the default bridge, e.g. fd00:1::1/64',
  },
  {
    key: 'fixed-cidr-v6',
    flags: '--fixed-cidr-v6 <cidr>',
    kind: 'text',
    help: "part of the default bridge's IPv6 subnet that containers get addresses from",
  },
  {
    key: 'firewall-coexist',
    flags: '--firewall-coexist [boolean]',
    kind: 'boolean',
    help: "mark containers' traffic, so that another firewall of the host can let it pass (default false)",
  },
  {
    key: 'log-level',
    flags: '-l, --log-level <level>',
    kind: 'text',
    help: `${LOG_LEVELS.join(', ')} (default info)`,
  },
];
