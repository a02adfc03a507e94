import { BerthError } from '@berth/core';

/** What a field that Berth does not act on may say: what changes nothing. */
export type Harmless = (value: unknown) => boolean;

export const anything: Harmless = () => true;
export const oneOf =
  (...values: unknown[]): Harmless =>
  (value) =>
    isZero(value) || values.includes(value);

/** Go's zero values, which clients send for every field that the user left alone. */
export function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/**
 * Refuses, by name, each field that asks for something Berth does not do. Nothing that a client asks for is ignored.
 *
 * @param prefix what stands before the field's name in the message, e.g. `HostConfig.`
 * @param supported fields that the caller acts on
 * @param harmless fields that it does not, with the values that are fine all the same, besides the zero values
 * @throws BerthError `invalid`
 */
export function refuseOthers(
  prefix: string,
  fields: object,
  supported: readonly string[],
  harmless: Readonly<Record<string, Harmless>> = {},
): void {
  for (const [name, value] of Object.entries(fields)) {
    if (supported.includes(name) || isZero(value)) continue;
    if (Object.hasOwn(harmless, name) && harmless[name]?.(value) === true) continue;
    throw new BerthError('invalid', `${prefix}${name} is not supported by Berth yet`, {
      subject: `${prefix}${name}`,
    });
  }
}
