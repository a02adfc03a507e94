/** What an image tool gets of the daemon's own environment: where to find programs, proxies and certificates. */
const PASSED = /^(?:PATH|(?:https?|no|all)_proxy|SSL_CERT_FILE|SSL_CERT_DIR|LANG)$/i;

/** The environment of an image tool, whose home and temporary files are in `folder`. */
export function childEnvironment(folder: string): Record<string, string> {
  const passed = Object.entries(process.env).filter(
    (entry): entry is [string, string] => PASSED.test(entry[0]) && entry[1] !== undefined,
  );
  return { ...Object.fromEntries(passed), HOME: folder, XDG_RUNTIME_DIR: folder, TMPDIR: folder };
}
