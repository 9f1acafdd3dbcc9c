/**
 * `proxyAddresses` of Exchange and Active Directory: `SMTP:` before the primary address, `smtp:` before the others, and
 * types that are no mail (`X500:`, `SIP:`, `EUM:`…), which are left out. One value may hold several: exports join them
 * with `;`, `,`, `+`, `|`, spaces or lines, PowerShell puts braces around them.
 */

export interface ProxyAddresses {
  readonly primary?: string;
  readonly secondaries: readonly string[];
}

/** A prefix at the beginning or after what separates, an address, and what separates again: a `+` only before a prefix. */
const entries = /(?<=^|[\s;,+|{(])(smtp):([^\s;,|}):]+?)(?=$|[\s;,|})]|\+[a-z\d]+:)/gi;

export function proxyAddressesOf(values: readonly string[]): ProxyAddresses {
  const primaries: string[] = [];
  const secondaries: string[] = [];
  for (const value of values)
    for (const [, prefix = "", address = ""] of value.matchAll(entries))
      (prefix === "SMTP" ? primaries : secondaries).push(address);
  const [primary, ...others] = primaries;
  return {
    ...(primary === undefined ? {} : { primary }),
    secondaries: [...others, ...secondaries],
  };
}

/** A primary that is told elsewhere, when none of the addresses is marked as it. */
export function withPrimary(
  { primary, secondaries }: ProxyAddresses,
  ...elsewhere: readonly (string | undefined)[]
): { readonly primarySmtp: string | undefined; readonly secondarySmtps: readonly string[] | undefined } {
  const primarySmtp = primary ?? elsewhere.find((address) => address !== undefined);
  const same = primarySmtp?.toLowerCase();
  const secondarySmtps = secondaries.filter((address) => address.toLowerCase() !== same);
  return { primarySmtp, secondarySmtps: secondarySmtps.length === 0 ? undefined : secondarySmtps };
}
