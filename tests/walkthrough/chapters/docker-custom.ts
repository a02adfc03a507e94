import { expectMatch, expectSame, only, type Chapter } from '../step.js';

interface NetworkShown {
  readonly Name: string;
  readonly Id: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv6: boolean;
  readonly IPAM: { Driver: string; Options: object | null; Config: { Subnet: string; Gateway: string }[] };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Record<string, { Name: string; MacAddress: string; IPv4Address: string }>;
  readonly Options: object;
  readonly Labels: object;
}

/** The text's parts on networks of one's own, and the names in them. */
export const dockerCustom: Chapter = {
  title: 'A network of your own',
  steps: [
    {
      text: 'docker network create custom',
      says: 'prints the id of the network',
      run: async (walk) => expectMatch(await walk.docker('network', 'create', 'custom'), /^[0-9a-f]{64}$/),
    },
    {
      text: 'docker network ls',
      says: 'bridge, custom, host and none, with their drivers',
      run: async (walk) => {
        const listed = await walk.docker('network', 'ls');
        expectMatch(
          listed,
          /^NETWORK ID +NAME +DRIVER +SCOPE$/m,
          /^[0-9a-f]{12} +bridge +bridge +local$/m,
          /^[0-9a-f]{12} +custom +bridge +local$/m,
          /^[0-9a-f]{12} +host +host +local$/m,
          /^[0-9a-f]{12} +none +null +local$/m,
        );
      },
    },
    {
      text: 'docker network inspect custom',
      says: '172.18.0.0/16 with gateway 172.18.0.1, no container yet',
      run: async (walk) => {
        const shown = only<NetworkShown>(await walk.docker('network', 'inspect', 'custom'));
        const {
          Name,
          Scope,
          Driver,
          EnableIPv6,
          IPAM,
          Internal,
          Attachable,
          Ingress,
          ConfigFrom,
          ConfigOnly,
        } = shown;
        expectSame(
          'custom',
          { Name, Scope, Driver, EnableIPv6 },
          { Name: 'custom', Scope: 'local', Driver: 'bridge', EnableIPv6: false },
        );
        expectSame(
          'IPAM',
          [IPAM.Driver, IPAM.Config],
          ['default', [{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' }]],
        );
        expectSame(
          'flags',
          { Internal, Attachable, Ingress, ConfigFrom, ConfigOnly },
          {
            Internal: false,
            Attachable: false,
            Ingress: false,
            ConfigFrom: { Network: '' },
            ConfigOnly: false,
          },
        );
        expectSame('rest', [shown.Containers, shown.Options, shown.Labels], [{}, {}, {}]);
      },
    },
    {
      text: 'docker run -d --name tomcat-custom --network custom tomcat\ndocker exec -it tomcat-custom ip a',
      says: 'eth0 with 172.18.0.2/16, MAC 02:42:ac:12:00:02',
      run: async (walk) => {
        await walk.docker('run', '-d', '--name', 'tomcat-custom', '--network', 'custom', 'tomcat');
        const shown = await walk.dockerOnTerminal('exec', '-it', 'tomcat-custom', 'ip', 'a');
        expectMatch(
          shown,
          /link\/ether 02:42:ac:12:00:02/,
          /inet 172\.18\.0\.2\/16 brd 172\.18\.255\.255 scope global eth0/,
        );
      },
    },
    {
      text: 'docker exec -it tomcat-custom ping 172.17.0.2',
      here: 'the text pings 192.17.0.2, a slip: tomcat01 is 172.17.0.2',
      says: 'no answer: the two are in different networks',
      run: async (walk) => {
        const ping = await walk.failing(
          'berth',
          'exec',
          'tomcat-custom',
          'ping',
          '-c',
          '2',
          '-W',
          '1',
          '172.17.0.2',
        );
        expectMatch(ping, /2 packets transmitted, 0 packets received, 100% packet loss/);
      },
    },
    {
      text: 'docker network connect custom tomcat01',
      says: 'network inspect now lists tomcat-custom 172.18.0.2/16 and tomcat01 172.18.0.3/16',
      run: async (walk) => {
        await walk.docker('network', 'connect', 'custom', 'tomcat01');
        const shown = only<NetworkShown>(await walk.docker('network', 'inspect', 'custom'));
        const rows = Object.values(shown.Containers).map(({ Name, MacAddress, IPv4Address }) => [
          Name,
          MacAddress,
          IPv4Address,
        ]);
        expectSame('containers', rows.sort(), [
          ['tomcat-custom', '02:42:ac:12:00:02', '172.18.0.2/16'],
          ['tomcat01', '02:42:ac:12:00:03', '172.18.0.3/16'],
        ]);
      },
    },
    {
      text: 'docker exec -it tomcat01 ping 172.18.0.3',
      here: 'and 172.18.0.2, which is the other container',
      says: 'tomcat01 reaches tomcat-custom',
      run: async (walk) => {
        for (const address of ['172.18.0.3', '172.18.0.2']) {
          const ping = await walk.dockerOnTerminal(
            'exec',
            '-it',
            'tomcat01',
            'ping',
            '-c',
            '2',
            '-W',
            '2',
            address,
          );
          expectMatch(ping, / 0% packet loss/);
        }
      },
    },
    {
      text: 'ip a   (on the host)',
      says: "two veths are ports of the custom network's bridge br-…, two of the default one",
      run: async (walk) => {
        const { Id } = only<NetworkShown>(await walk.docker('network', 'inspect', 'custom'));
        const host = await walk.berth('ip', 'a');
        const ports = (bridge: string) =>
          host.match(new RegExp(`veth[0-9a-f]{7}@if\\d+: .* master ${bridge} state UP`, 'g'));
        expectSame('ports of custom', ports(`br-${Id.slice(0, 12)}`)?.length, 2);
        expectSame('ports of bridge', ports('berth0')?.length, 2);
      },
    },
    {
      text: 'docker exec -it tomcat01 ping tomcat-custom\ndocker exec -it tomcat-custom ping tomcat01',
      says: 'names work, and lead back to NAME.custom',
      run: async (walk) => {
        const names = [
          ['tomcat01', 'tomcat-custom', '172.18.0.2'] as const,
          ['tomcat-custom', 'tomcat01', '172.18.0.3'] as const,
        ];
        for (const [from, to, address] of names) {
          const ping = await walk.dockerOnTerminal('exec', '-it', from, 'ping', '-c', '2', '-W', '2', to);
          expectMatch(
            ping,
            new RegExp(`PING ${to} \\(${address.replaceAll('.', '\\.')}\\)`),
            / 0% packet loss/,
          );
          const back = await walk.docker('exec', from, 'nslookup', address);
          expectMatch(back, new RegExp(`name = ${to}\\.custom`));
        }
      },
    },
    {
      text: 'docker network disconnect custom tomcat01',
      says: 'tomcat01 is out of the network again, its name too',
      run: async (walk) => {
        await walk.docker('network', 'disconnect', 'custom', 'tomcat01');
        expectSame('interfaces', await walk.docker('exec', 'tomcat01', 'ls', '/sys/class/net'), 'eth0\nlo');
        const lookup = await walk.failing('berth', 'exec', 'tomcat-custom', 'nslookup', 'tomcat01');
        expectMatch(lookup, /NXDOMAIN/);
      },
    },
  ],
};
