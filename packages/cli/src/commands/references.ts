/** `repository`, `repository:tag`, `repository@sha256:…`; a colon of a port is none of a tag. */
export function splitReference(reference: string): { repo: string; tag: string | undefined } {
  const at = reference.indexOf('@');
  if (at >= 0) return { repo: reference.slice(0, at), tag: reference.slice(at + 1) };
  const colon = reference.lastIndexOf(':');
  if (colon <= reference.lastIndexOf('/')) return { repo: reference, tag: undefined };
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
