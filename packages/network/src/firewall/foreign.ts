import { readFileSync } from 'node:fs';
import type { Nftables } from '@berth/kernel';
import { COEXIST_MARK, TABLE } from './ruleset.js';

/** A chain of somebody else's that drops what containers send or get, unless it has a rule that lets it pass. */
export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** `policy drop`, or the verdict of the last rule. */
  readonly reason: string;
}

interface ChainObject {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

interface RuleObject {
  readonly chain: string;
  readonly expr?: readonly object[];
}

interface Listing {
  readonly nftables: readonly { readonly chain?: ChainObject; readonly rule?: RuleObject }[];
}

/** Families whose chains see forwarded packets of the Internet protocols. */
const FAMILIES = ['ip', 'ip6', 'inet'];
/** What a last rule may be made of that stops every packet which reaches it. */
const FINAL = ['drop', 'reject', 'counter', 'log'];

/** The forward chains of other tables that stop what no rule of theirs lets pass. */
export function foreignChains(nftables: Nftables): ForeignChain[] {
  const chains = parse(nftables.list('list chains', { json: true })).nftables.flatMap(
    ({ chain }) => chain ?? [],
  );
  return chains
    .filter(({ hook, family, table }) => hook === 'forward' && FAMILIES.includes(family) && table !== TABLE)
    .flatMap(({ family, table, name, policy }) => {
      const reason = policy === 'drop' ? 'policy drop' : lastVerdict(nftables, family, table, name);
      return reason === undefined ? [] : [{ family, table, chain: name, reason }];
    });
}

/** What to tell the host's owner: which chain drops, and the rule that would let Berth's traffic pass. */
export function foreignWarnings(chains: readonly ForeignChain[], coexist: boolean): string[] {
  const mark = `0x${COEXIST_MARK.toString(16)}`;
  const warnings = chains.map(({ family, table, chain, reason }) => {
    const where = `chain ${chain} of table ${family} ${table} (${reason})`;
    const rule = `nft insert rule ${family} ${table} ${chain} meta mark and ${mark} == ${mark} accept`;
    return coexist
      ? `${where} drops traffic of containers unless it has a rule for it: ${rule}`
      : `${where} drops traffic of containers unless it has a rule for it: start the daemon with --firewall-coexist, then ${rule}`;
  });
  return [...warnings, ...legacyWarnings(mark)];
}

/** iptables-legacy's rules are none of nftables', and can't be read by it. */
function legacyWarnings(mark: string): string[] {
  return (['ip_tables_names', 'ip6_tables_names'] as const).flatMap((file) => {
    if (!readOptional(`/proc/net/${file}`).split('\n').includes('filter')) return [];
    const program = file === 'ip_tables_names' ? 'iptables-legacy' : 'ip6tables-legacy';
    return [
      `${program} has a filter table: if its FORWARD chain drops (${program} -S FORWARD), ` +
        `traffic of containers needs a rule there: ${program} -I FORWARD -m mark --mark ${mark}/${mark} -j ACCEPT (with --firewall-coexist)`,
    ];
  });
}

function lastVerdict(nftables: Nftables, family: string, table: string, chain: string): string | undefined {
  const rules = parse(
    nftables.list(`list chain ${family} ${table} ${chain}`, { json: true }),
  ).nftables.flatMap(({ rule }) => rule ?? []);
  const words = rules.at(-1)?.expr?.flatMap((expression) => Object.keys(expression)) ?? [];
  const verdict = words.find((word) => word === 'drop' || word === 'reject');
  return verdict !== undefined && words.every((word) => FINAL.includes(word))
    ? `its last rule: ${verdict}`
    : undefined;
}

function parse(text: string): Listing {
  return JSON.parse(text) as Listing;
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
