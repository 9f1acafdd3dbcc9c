/**
 * The local parts that no user can ever take: the mailbox names of RFC 2142, which belong to whoever runs a domain
 * or a service, and what the operator adds. Compared by conflict key, so `POSTMASTER` is blocked too. Pure.
 */
import { localKey } from "../contracts/address.ts";

/** RFC 2142 §§ 3–5, and `mailer-daemon` (RFC 5321 §3.6.3's reverse path of last resort, as every MTA uses it). */
const rfc2142 = [
  ..."info marketing sales support".split(" "),
  ..."abuse noc security".split(" "),
  ..."postmaster hostmaster usenet news webmaster www uucp ftp".split(" "),
  "mailer-daemon",
];

/** Answers whether a conflict key belongs to nobody. */
export function blockedKeys(configured: readonly string[]): (key: string) => boolean {
  const names = new Set([...rfc2142, ...configured].map(localKey));
  return (key) => names.has(key.slice(0, key.lastIndexOf("@")));
}
