import type { Address } from '@berth/kernel';
import type { Field, Item } from './layout.js';
import { addressFlagNames, nameOf } from './names.js';
import type { View } from './view.js';

/** linux/if_addr.h: `INFINITY_LIFE_TIME`. */
export const FOREVER = 0xffff_ffff;

function lifetime(seconds: number): string {
  return seconds === FOREVER ? 'forever' : `${seconds}sec`;
}

/** `10.0.0.1/24`, or `10.0.0.1 peer 10.0.0.2/32`, with the metric behind. */
function endFields(address: Address, view: View): { fields: Field[]; meaning: Field } {
  const local = address.local ?? address.address;
  const fields: Field[] = [{ text: ` ${local}`, json: ['local', local] }];
  if (address.address !== local) {
    fields.push({ text: ` peer ${address.address}`, json: ['address', address.address] });
  }
  fields.push({ text: `/${address.prefixLength}`, json: ['prefixlen', address.prefixLength] });
  if (address.routeMetric !== undefined && address.routeMetric !== 0) {
    fields.push({ text: ` metric ${address.routeMetric}`, json: ['metric', address.routeMetric] });
  }
  return { fields, meaning: { text: '', meaning: view.explainer?.address(address) } };
}

/** The two lines of an address. */
export function addressItem(address: Address, view: View): Item {
  const x = view.explainer;
  const { family } = address;
  const { fields, meaning } = endFields(address, view);
  const line: Field[] = [{ text: `    ${family}`, json: ['family', family] }, ...fields, meaning];
  if (address.broadcast !== undefined) {
    line.push({
      text: ` brd ${address.broadcast}`,
      json: ['broadcast', address.broadcast],
      meaning: x?.addressBroadcast(address.broadcast),
    });
  }
  const scope = nameOf('rt_scopes', address.scope);
  line.push({ text: ` scope ${scope} `, json: ['scope', scope], meaning: x?.addressScope(scope) });
  const flags = addressFlagNames(address.flags, family);
  for (const flag of flags.names) {
    line.push({ text: `${flag} `, json: [flag, true], meaning: x?.addressFlag(flag) });
  }
  if (flags.rest !== 0) {
    line.push({
      text: `flags ${flags.rest.toString(16).padStart(2, '0')} `,
      json: ['ifa_flags', flags.rest],
    });
  }
  if (address.label !== undefined) {
    line.push({
      text: address.label,
      json: ['label', address.label],
      meaning: x?.addressLabel(address.label, view.nameOf(address.index)),
    });
  }
  const valid = address.validLifetime ?? FOREVER;
  const preferred = address.preferredLifetime ?? FOREVER;
  return [
    line,
    [
      {
        text: `       valid_lft ${lifetime(valid)}`,
        json: ['valid_life_time', valid],
        meaning: x?.validLifetime(valid),
      },
      {
        text: ` preferred_lft ${lifetime(preferred)}`,
        json: ['preferred_life_time', preferred],
        meaning: x?.preferredLifetime(preferred),
      },
    ],
  ];
}

/** `-br addr`: what one address adds to its interface's line. */
export function briefAddressFields(address: Address, view: View): Field[] {
  const { fields } = endFields(address, view);
  return [
    ...fields.map((field, at) => (at === 0 ? { ...field, text: field.text.trimStart() } : field)),
    { text: ' ' },
  ];
}
