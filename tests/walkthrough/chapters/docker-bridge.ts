import { expectMatch, expectSame, only, type Chapter } from '../step.js';

interface NetworkShown {
  readonly Containers: Record<
    string,
    { Name: string; EndpointID: string; MacAddress: string; IPv4Address: string; IPv6Address: string }
  >;
}

const ID = /^[0-9a-f]{64}$/;

/** The text's part on the default bridge: two containers, their interfaces, each other, and the world. */
export const dockerBridge: Chapter = {
  title: 'The default network: bridge',
  steps: [
    {
      text: 'docker run -d --name tomcat01 -p 8081:8080 tomcat\ndocker run -d --name tomcat03 -p 8082:8080 tomcat',
      here: 'the image named tomcat is busybox with its little web server on port 8080',
      says: 'each prints the 64 digits of its id',
      run: async (walk) => {
        for (const [name, ports] of [
          ['tomcat01', '8081:8080'] as const,
          ['tomcat03', '8082:8080'] as const,
        ]) {
          expectMatch(await walk.docker('run', '-d', '--name', name, '-p', ports, 'tomcat'), ID);
        }
      },
    },
    {
      text: 'docker exec -it tomcat01 ip a\ndocker exec -it tomcat03 ip a',
      here: 'busybox has an ip of its own; `berth ip --container` works for images that have none',
      says: 'eth0@ifN with 172.17.0.2/16 and 172.17.0.3/16, MAC 02:42:ac:11:00:02 and :03',
      run: async (walk) => {
        for (const [name, last] of [['tomcat01', 2] as const, ['tomcat03', 3] as const]) {
          const inside = await walk.dockerOnTerminal('exec', '-it', name, 'ip', 'a');
          const outside = await walk.berth('ip', '--container', name, 'a');
          const link = new RegExp(`link/ether 02:42:ac:11:00:0${last} brd ff:ff:ff:ff:ff:ff`);
          const inet = new RegExp(
            `inet 172\\.17\\.0\\.${last}/16 brd 172\\.17\\.255\\.255 scope global eth0`,
          );
          const up = /^\d+: eth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP(,M-DOWN)?> mtu 1500 qdisc noqueue/m;
          for (const shown of [inside, outside]) expectMatch(shown, link, inet, up);
          expectMatch(
            outside,
            /^1: lo: <LOOPBACK,UP,LOWER_UP>/m,
            /state UP group default/,
            / link-netnsid 0$/m,
          );
        }
      },
    },
    {
      text: 'ip a   (on the host)',
      says: 'for each container a vethXXXXXXX@ifN, master of which is the bridge, paired with its eth0',
      run: async (walk) => {
        const host = await walk.berth('ip', 'a');
        for (const name of ['tomcat01', 'tomcat03']) {
          const end = /^(\d+): eth0@if(\d+): /m.exec(await walk.berth('ip', '--container', name, 'link'));
          expectMatch(
            host,
            new RegExp(
              `^${end?.[2]}: veth[0-9a-f]{7}@if${end?.[1]}: <BROADCAST,MULTICAST,UP,LOWER_UP> .* master berth0 state UP`,
              'm',
            ),
          );
        }
        expectMatch(host, /: berth0: <BROADCAST,MULTICAST,UP,LOWER_UP> .*state UP/);
      },
    },
    {
      text: 'docker network inspect bridge',
      says: 'lists both containers with Name, EndpointID, MacAddress, IPv4Address',
      run: async (walk) => {
        const shown = only<NetworkShown>(await walk.docker('network', 'inspect', 'bridge'));
        const rows = Object.entries(shown.Containers).map(([id, container]) => {
          expectMatch(id, ID);
          expectMatch(container.EndpointID, ID);
          return [container.Name, container.MacAddress, container.IPv4Address, container.IPv6Address];
        });
        expectSame('containers', rows.sort(), [
          ['tomcat01', '02:42:ac:11:00:02', '172.17.0.2/16', ''],
          ['tomcat03', '02:42:ac:11:00:03', '172.17.0.3/16', ''],
        ]);
      },
    },
    {
      text: 'docker exec -it tomcat01 ping 172.17.0.3\ndocker exec -it tomcat03 ping 172.17.0.2',
      says: 'the two containers reach each other',
      run: async (walk) => {
        for (const [name, to] of [['tomcat01', '172.17.0.3'] as const, ['tomcat03', '172.17.0.2'] as const]) {
          const ping = await walk.dockerOnTerminal('exec', '-it', name, 'ping', '-c', '2', '-W', '2', to);
          expectMatch(ping, / 0% packet loss/);
        }
      },
    },
    {
      text: 'docker exec -it tomcat01 curl -I https://www.baidu.com',
      here: 'busybox has wget for curl; an outside machine plays the web site, by http',
      says: 'the container reaches the world, through NAT with the host address',
      run: async (walk) => {
        const seen = await walk.dockerOnTerminal(
          'exec',
          '-it',
          'tomcat01',
          'wget',
          '-qSO-',
          'http://www.baidu.com/',
        );
        expectMatch(seen, /HTTP\/1\.1 200 OK/, /^198\.51\.100\.1$/m);
        await walk.berth('nsexec', 'tomcat01', '--', 'curl', '-sI', 'http://www.baidu.com');
      },
    },
  ],
};
