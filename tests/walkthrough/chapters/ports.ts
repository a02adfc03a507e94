import { HOST_ADDRESS } from '../../box/index.js';
import { expectMatch, expectSame, only, type Chapter } from '../step.js';

/** The text's part on published ports. The little web server has no page: it answers 404, as the text's tomcat does. */
export const ports: Chapter = {
  title: 'Published ports',
  steps: [
    {
      text: 'docker run -d --name tomcat-port -p 8999:8080 tomcat',
      says: 'port 8999 of the host leads to 8080 of the container',
      run: async (walk) => {
        await walk.docker('run', '-d', '--name', 'tomcat-port', '-p', '8999:8080', 'tomcat');
        expectMatch(await walk.docker('port', 'tomcat-port'), /^8080\/tcp -> 0\.0\.0\.0:8999$/m);
      },
    },
    {
      text: 'docker exec -it tomcat-port curl -i localhost:8080',
      here: 'the image has no curl: `berth nsexec` runs that of the host in the network of the container',
      says: 'the server answers inside its container: 404',
      run: async (walk) => {
        const answer = await walk.berth(
          'nsexec',
          'tomcat-port',
          '--',
          'curl',
          '-si',
          'http://127.0.0.1:8080/',
        );
        expectMatch(answer, /^HTTP\/1\.[01] 404/);
      },
    },
    {
      text: 'curl -I 172.17.0.4:8080',
      says: "the host reaches it at the container's address",
      run: async (walk) => {
        const shown = only<{ NetworkSettings: { Networks: { bridge: { IPAddress: string } } } }>(
          await walk.docker('inspect', 'tomcat-port'),
        );
        expectSame('address', shown.NetworkSettings.Networks.bridge.IPAddress, '172.17.0.4');
        expectMatch(await walk.host('curl', '-sI', '172.17.0.4:8080'), /^HTTP\/1\.[01] 404/);
      },
    },
    {
      text: 'curl -I 192.168.100.12:8999   (on another machine)',
      here: `the host's address towards the outside is ${HOST_ADDRESS}`,
      says: 'an outside machine reaches it at the host address and the published port',
      run: async (walk) => {
        expectMatch(
          await walk.outside('curl', '-sI', '--max-time', '5', `${HOST_ADDRESS}:8999`),
          /^HTTP\/1\.[01] 404/,
        );
        expectMatch(
          await walk.outside('curl', '-sI', '--max-time', '5', `${HOST_ADDRESS}:8081`),
          /^HTTP\/1\.[01] 404/,
        );
        expectMatch(await walk.host('curl', '-sI', '127.0.0.1:8999'), /^HTTP\/1\.[01] 404/);
      },
    },
  ],
};
