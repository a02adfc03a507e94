export { SeqpacketClient } from './seqpacket-client.js';
export { makeRaw, openTerminal, setWindowSize } from './terminal.js';
