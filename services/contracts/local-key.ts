/** When two local parts are the same: address.ts says why so. Apart from it, because a browser takes this and not the rest. */

/** The conflict key of a local part alone; idempotent. */
export function localKey(local: string): string {
  return local.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}
