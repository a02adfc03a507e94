import { addressRequests, type RouteSocket } from '@berth/kernel';
import { FOREVER } from './address-format.js';
import type { Arguments } from './arguments.js';
import { garbage, matches, wholeNumber } from './arguments.js';
import { IpFailure, kernelCall, notCovered, usage, wrongArgument } from './failure.js';
import { address, broadcastOf, prefix, type Prefix } from './internet.js';
import { numberOf, settableAddressFlag } from './names.js';
import type { View } from './view.js';

/** linux/rtnetlink.h: `RT_SCOPE_HOST`; an address of 127.0.0.0/8 is of no use outside. */
const RT_SCOPE_HOST = 254;

interface AddressWords {
  local?: Prefix;
  peer?: Prefix;
  device?: string;
  broadcast?: string;
  scope?: number;
  label?: string;
  metric?: number;
  valid?: number;
  preferred?: number;
  flags: number;
}

function parse(args: Arguments, view: View): AddressWords {
  const words: AddressWords = { flags: 0 };
  let family = view.options.family;
  while (args.more) {
    const word = args.take();
    const flag = settableAddressFlag(word);
    if (flag !== undefined) words.flags |= flag;
    else if (word === 'peer' || word === 'remote') {
      if (words.peer !== undefined) throw garbage('peer', args.peek ?? word);
      words.peer = prefix(args.take(), family);
      family ??= words.peer.family;
    } else if ((matches(word, 'broadcast') && (word === 'brd' || word.length > 1)) || word === 'brd') {
      const value = args.take();
      if (words.broadcast !== undefined) throw garbage('broadcast', value);
      words.broadcast = value === '+' || value === '-' ? value : address(value, family).address;
    } else if (word === 'scope') {
      const value = args.take();
      words.scope = numberOf('rt_scopes', value);
      if (words.scope === undefined) throw wrongArgument(value, 'invalid scope value.');
    } else if (word === 'dev') words.device = args.take();
    else if (word === 'label') words.label = args.take();
    else if (matches(word, 'metric', 'priority', 'preference') && word.length > 1) {
      words.metric = whole(args.take(), '"metric" value is invalid\n');
    } else if (matches(word, 'valid_lft') && word.length > 1)
      words.valid = lifetime(args.take(), 'valid_lft value');
    else if (matches(word, 'preferred_lft') && word.length > 1) {
      words.preferred = lifetime(args.take(), 'preferred_lft value');
    } else if (word === 'anycast' || word === 'proto') throw notCovered(`"${word}" for addresses`);
    else {
      const text = word === 'local' ? args.take() : word;
      if (words.local !== undefined) throw garbage('local', text);
      words.local = prefix(text, family);
      family ??= words.local.family;
    }
  }
  return words;
}

function whole(text: string, why: string): number {
  const number = wholeNumber(text);
  if (number === undefined) throw wrongArgument(text, why);
  return number;
}

function lifetime(text: string, why: string): number {
  return text === 'forever' ? FOREVER : whole(text, why);
}

/** `ip address add …` and `ip address delete …`. */
export function addressChange(
  verb: 'add' | 'delete',
  args: Arguments,
  socket: RouteSocket,
  view: View,
): void {
  const words = parse(args, view);
  if (words.device === undefined)
    throw new IpFailure('Not enough information: "dev" argument is required.', 1);
  const { local, peer, valid, preferred } = words;
  if (words.label !== undefined && Buffer.byteLength(words.label) > 15) {
    throw usage(`"label" (${words.label}) is longer than the 15 bytes that the kernel keeps.`);
  }
  if (valid === 0 && verb === 'add') throw new IpFailure('valid_lft is zero', 1);
  if (preferred !== undefined && preferred > (valid ?? FOREVER)) {
    throw new IpFailure('preferred_lft is greater than valid_lft', 1);
  }
  const link = view.needed(words.device);
  // What the kernel says to a request without an address.
  if (local === undefined) throw new IpFailure('RTNETLINK answers: Operation not supported', 2);
  const far = peer ?? local;
  const broadcast =
    words.broadcast === '+' || words.broadcast === '-'
      ? plusBroadcast(far, words.broadcast)
      : words.broadcast;
  const scope =
    words.scope ?? (local.family === 'inet' && local.address.startsWith('127.') ? RT_SCOPE_HOST : undefined);
  const request = {
    index: link.index,
    address: local.address,
    prefixLength: far.length,
    ...(peer === undefined ? {} : { peer: peer.address }),
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(scope === undefined ? {} : { scope }),
    ...(words.label === undefined ? {} : { label: words.label }),
    ...(words.metric === undefined ? {} : { routeMetric: words.metric }),
    ...(valid === undefined ? {} : { validLifetime: valid }),
    ...(preferred === undefined ? {} : { preferredLifetime: preferred }),
    ...(words.flags === 0 ? {} : { flags: words.flags }),
  };
  if (verb === 'add') {
    kernelCall(() => socket.run(addressRequests.add(request)));
    return;
  }
  const wildcard = local.family === 'inet' && !far.explicitLength;
  if (!wildcard) {
    kernelCall(() => socket.run(addressRequests.delete(request)));
    return;
  }
  // An IPv4 address without a length stands for the first of that address, whatever its length.
  process.stderr.write(wildcardWarning(local.address));
  const found = kernelCall(() => socket.addresses({ family: 'inet' })).find(
    (address) => address.index === link.index && (address.local ?? address.address) === local.address,
  );
  const { address: peerAddress, prefixLength } = found ?? request;
  kernelCall(() => socket.run(addressRequests.delete({ ...request, peer: peerAddress, prefixLength })));
}

function wildcardWarning(address: string): string {
  return (
    'Warning: Executing wildcard deletion to stay compatible with old scripts.\n' +
    `         Explicitly specify the prefix length (${address}/32) to avoid this warning.\n` +
    '         This special behaviour is likely to disappear in further releases,\n         fix your scripts!\n'
  );
}

function plusBroadcast(far: Prefix, sign: '+' | '-'): string {
  if (far.family !== 'inet') throw new IpFailure('Broadcast can be set only for IPv4 addresses', 1);
  return broadcastOf(far.address, far.length, sign);
}
