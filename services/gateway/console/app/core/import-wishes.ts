/**
 * A row's wish, as far as a browser can tell: what a user may be says the gateway, which has the rules. What two rows share is told
 * by the key of addresses: its rule for local parts, and the host of a URL for domains (UTS 46 in both).
 */
import type { ValidUser, WishReader } from "../../../../../mixins/import/judge.ts";
import { localKey } from "../../../../contracts/local-key.ts";

function hostOf(domain: string): string {
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return domain.toLowerCase();
  }
}

export const plainWishes: WishReader = {
  read: (wanted) => ({ user: wanted as ValidUser }),
  keyOf(address) {
    const at = address.lastIndexOf("@");
    return at < 0 ? localKey(address) : `${localKey(address.slice(0, at))}@${hostOf(address.slice(at + 1))}`;
  },
};
