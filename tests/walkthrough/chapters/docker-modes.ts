import { expectMatch, expectSame, only, type Chapter, type Walkthrough } from '../step.js';

interface NetworkShown {
  readonly Containers: Record<
    string,
    { Name: string; EndpointID: string; MacAddress: string; IPv4Address: string }
  >;
}

async function expectAddressless(walk: Walkthrough, network: string, container: string): Promise<void> {
  const shown = only<NetworkShown>(await walk.docker('network', 'inspect', network));
  const rows = Object.values(shown.Containers).map(({ Name, MacAddress, IPv4Address }) => [
    Name,
    MacAddress,
    IPv4Address,
  ]);
  expectSame(`containers of ${network}`, rows, [[container, '', '']]);
  expectMatch(Object.values(shown.Containers)[0]?.EndpointID ?? '', /^[0-9a-f]{64}$/);
}

/** The text's parts on the host and none networks. */
export const dockerModes: Chapter = {
  title: 'The other two: host and none',
  steps: [
    {
      text: 'docker run -d --name tomcat-host --network host tomcat\ndocker exec -it tomcat-host ip a',
      says: "the container sees the host's own interfaces",
      run: async (walk) => {
        expectMatch(
          await walk.docker('run', '-d', '--name', 'tomcat-host', '--network', 'host', 'tomcat'),
          /^[0-9a-f]{64}$/,
        );
        const inside = await walk.docker('exec', 'tomcat-host', 'ls', '/sys/class/net');
        expectSame('interfaces', inside, await walk.host('ls', '/sys/class/net'));
        const shown = await walk.dockerOnTerminal('exec', '-it', 'tomcat-host', 'ip', 'a');
        expectMatch(shown, /inet 198\.51\.100\.1\/24/, /inet 172\.17\.0\.1\/16/);
      },
    },
    {
      text: 'docker network inspect host',
      says: 'the container is listed, with no address of its own',
      run: (walk) => expectAddressless(walk, 'host', 'tomcat-host'),
    },
    {
      text: 'docker run -d --name tomcat-none --network none tomcat\ndocker exec -it tomcat-none ip a',
      says: 'only lo, 127.0.0.1/8',
      run: async (walk) => {
        expectMatch(
          await walk.docker('run', '-d', '--name', 'tomcat-none', '--network', 'none', 'tomcat'),
          /^[0-9a-f]{64}$/,
        );
        const inside = await walk.dockerOnTerminal('exec', '-it', 'tomcat-none', 'ip', 'a');
        expectMatch(inside, /^1: lo: <LOOPBACK,UP,LOWER_UP>/m, /inet 127\.0\.0\.1\/8 scope host lo/);
        expectSame('interfaces', await walk.docker('exec', 'tomcat-none', 'ls', '/sys/class/net'), 'lo');
      },
    },
    {
      text: 'docker network inspect none',
      says: 'the container is listed, with no address',
      run: (walk) => expectAddressless(walk, 'none', 'tomcat-none'),
    },
  ],
};
