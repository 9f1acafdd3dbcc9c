/** What each map answers (docs/guides/mail-servers.md), and what the same standing is over HTTP. Pure. */
import { parseAddress } from "../contracts/address.ts";
import type { Recipient } from "../contracts/recipients.ts";
import type { DomainStanding, Standing } from "./standing.ts";

export const addressMaps = ["mailboxes", "aliases", "senders", "access"] as const;
type AddressMap = (typeof addressMaps)[number];
export const mapNames = [...addressMaps, "domains"] as const;
export type MapName = (typeof mapNames)[number];

export const isMapName = (text: string): text is MapName => (mapNames as readonly string[]).includes(text);

/** The words of socketmap_table(5) with what follows them. */
export type Reply = `OK ${string}` | "NOTFOUND " | `TEMP ${string}` | `PERM ${string}`;

export interface ReplyRules {
  /** Mail for a user who is disabled is refused. */
  readonly refusesInactive: boolean;
}

const noLonger = "550 5.1.1 This address is no longer in use";
const disabled = "550 5.2.1 This mailbox is disabled";
const unknown = "550 5.1.1 There is no such address here";
const accepted = "250 2.1.5 Recipient ok";
const later = "451 4.3.0 Nobody can say now whether there is such an address, try again later";

/**
 * Nobody signs in by that name: Dovecot allows no `<` in one. Who is in no map of owners may be the sender of anybody's
 * letter who has not signed in (postconf(5), reject_unauthenticated_sender_login_mismatch).
 */
const ownedByNobody: Reply = "OK <nobody>";
const nothing: Reply = "NOTFOUND ";

/**
 * As it goes into an envelope: the domain in A-labels when the rest is ASCII, so that no server on the way needs
 * SMTPUTF8 (RFC 6531) for a recipient that was given without.
 */
export function envelopeOf(address: string, tag: string): string {
  const parsed = parseAddress(address);
  if (!parsed.ok) return address;
  const local = `${parsed.local}${tag}`;
  return `${local}@${/^[\x21-\x7e]*$/.test(local) ? parsed.asciiDomain : parsed.domain}`;
}

const given = "the address is being given to somebody";

/** Every doubt is TEMP: a wrong one costs minutes, and a wrong NOTFOUND is a bounce that nobody can take back. */
export function replyOf(map: AddressMap, standing: Standing, { refusesInactive }: ReplyRules): Reply {
  if (standing.state === "doubt") return `TEMP ${standing.because}`;
  if (map === "access") {
    if (standing.state === "gone") return `OK ${noLonger}`;
    return standing.state === "active" && refusesInactive && !standing.isEnabled ? `OK ${disabled}` : nothing;
  }
  if (standing.state === "reserved") return `TEMP ${given}`;
  if (standing.state === "postmaster") {
    return map === "senders" ? nothing : `OK ${envelopeOf(standing.primary, "")}`;
  }
  if (standing.state === "gone" && map === "senders") return ownedByNobody;
  if (standing.state !== "active") return nothing;
  const { kind, primary, tag, isEnabled } = standing;
  if (map === "aliases") return kind === "primary" ? nothing : `OK ${envelopeOf(primary, tag)}`;
  if (map === "senders" && refusesInactive && !isEnabled) return ownedByNobody;
  return `OK ${map === "senders" ? primary : envelopeOf(primary, "")}`;
}

export function domainReplyOf(domain: string, standing: DomainStanding): Reply {
  if (standing.state === "doubt") return `TEMP ${standing.because}`;
  return standing.state === "ours" ? `OK ${domain}` : nothing;
}

const nobody = { primary: null, kind: null, login: null, active: null } as const;

export function recipientOf(address: string, standing: Standing, { refusesInactive }: ReplyRules): Recipient {
  switch (standing.state) {
    case "doubt":
    case "reserved":
      return { address, ...nobody, deliver: "defer", smtp: later };
    case "gone":
      return { address, ...nobody, deliver: "reject", smtp: noLonger };
    case "nobody":
      return { address, ...nobody, deliver: "reject", smtp: unknown };
    case "postmaster":
      return { address, ...nobody, primary: standing.primary, deliver: "accept", smtp: accepted };
    case "active": {
      const { primary, kind, isEnabled } = standing;
      const whose = { address, primary, kind, login: primary, active: isEnabled } as const;
      return refusesInactive && !isEnabled
        ? { ...whose, login: null, deliver: "reject", smtp: disabled }
        : { ...whose, deliver: "accept", smtp: accepted };
    }
  }
}
