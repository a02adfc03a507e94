import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decode } from 'dns-packet';
import { afterEach, beforeEach, expect } from 'vitest';
import { queryBytes } from './mutate.fixture.js';
import { Opened, askTcp, askUdp, msOfGoodAnswers, serveWatched } from './upstream.fixture.js';

/** Milliseconds within which others are to be answered, whatever one client does; a busy machine counted in. */
const SOON_MS = 100;
/** A question that is answered well. */
export const GOOD = queryBytes('c1', { id: 0x0c01 });

type Watched = Awaited<ReturnType<typeof serveWatched>>;

/** For each test of a file a {@link serveWatched}, its clients, and what they expect of it. */
export function useWatched() {
  const opened = new Opened();
  let serving: Watched | undefined;
  const present = (): Watched => {
    if (serving === undefined) throw new Error('nothing is served yet');
    return serving;
  };
  beforeEach(async () => {
    serving = await serveWatched(opened);
  });
  afterEach(() => opened.close());
  return {
    opened,
    get serving() {
      return present();
    },
    async client(): Promise<Socket> {
      const socket = connect(present().port, '127.0.0.1');
      socket.on('error', () => undefined);
      opened.add(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
    /** Sees to it that others are answered as ever. */
    async expectAlive(): Promise<void> {
      expect(await msOfGoodAnswers(present().port)).toBeLessThan(SOON_MS);
    },
    /** What is answered to a message that is to be answered, the same over UDP and TCP. */
    async answers(message: Buffer): Promise<Buffer> {
      const { port } = present();
      const [udp, tcp] = await Promise.all([askUdp(port, message), askTcp(port, message)]);
      expect(udp.answer.readUInt16BE(0)).toBe(message.readUInt16BE(0));
      expect(decode(udp.answer)).toEqual(decode(tcp.answer));
      return udp.answer;
    },
  };
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
