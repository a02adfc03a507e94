import { connect } from 'node:net';
import { median } from './statistics.js';

// Runs where a client is: measures for some seconds, and prints one number.
const [, , what = '', host = '', port = '', seconds = ''] = process.argv;
const target = { host, port: Number(port), noDelay: true };
const duration = Number(seconds) * 1000;
process.stdout.write(String(await (what === 'ping-pong' ? pingPong() : connections(32))));

/** Median round trip of one byte over one connection, in microseconds. */
function pingPong(): Promise<number> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const socket = connect(target);
    const byte = Buffer.from('.');
    const began = performance.now();
    let sent = 0;
    const send = (): void => {
      sent = performance.now();
      socket.write(byte);
    };
    socket.on('error', reject);
    socket.on('connect', send);
    socket.on('data', () => {
      const now = performance.now();
      times.push(now - sent);
      if (now - began < duration) {
        send();
      } else {
        socket.destroy();
        resolve(median(times) * 1000);
      }
    });
  });
}

/**
 * New connections per second, so many at a time. Each ends by a reset, which leaves neither the client's ports nor
 * entries of connection tracking in TIME_WAIT: no run takes room from those after it.
 */
async function connections(inFlight: number): Promise<number> {
  const began = performance.now();
  let made = 0;
  const line = async (): Promise<void> => {
    while (performance.now() - began < duration) {
      await connectOnce();
      made++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, line));
  return (made * 1000) / (performance.now() - began);
}

function connectOnce(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    socket.on('error', reject);
    socket.on('connect', () => socket.resetAndDestroy());
    socket.on('close', () => {
      resolve();
    });
  });
}
