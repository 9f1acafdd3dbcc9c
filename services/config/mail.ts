/** What mail servers are answered, where they ask, and who of them may. */
import { parseAddress } from "../contracts/address.ts";
import { canonicalHost, isLoopbackHost } from "../contracts/host.ts";
import { host, integer, networks, oneOf } from "./readers.ts";
import { fault, type Variables } from "./variables.ts";

export interface MailSettings {
  /** Where mail servers ask by socketmap; undefined: nowhere. */
  readonly socketmapPort: number | undefined;
  readonly socketmapHost: string;
  /** Networks of mail servers on other machines. */
  readonly socketmapAllow: readonly string[];
  /** Each of these characters ends the part of a local part that is looked up; empty: the whole is. */
  readonly recipientDelimiter: string;
  /** Who gets what is sent to postmaster and abuse in a domain of ours; undefined: nobody. */
  readonly socketmapPostmaster: string | undefined;
  /** What becomes of mail for a user that is disabled. */
  readonly socketmapInactive: "accept" | "refuse";
}

/** Those that Postfix's manual names, and their like: none that an address needs quotes for, nor letters and digits. */
const delimiters = /^[+\-_=.#~]{1,4}$/;

function delimiterOf(env: Variables, name: string): string {
  const text = env.text(name) ?? "";
  if (text !== "" && !delimiters.test(text))
    throw fault(name, "must be one to four of the characters + - _ = . # ~");
  return text;
}

function addressOf(env: Variables, name: string): string | undefined {
  const text = env.text(name);
  if (text === undefined) return undefined;
  const parsed = parseAddress(text);
  if (!parsed.ok) throw fault(name, `must be one address: it ${parsed.reason}`);
  return parsed.display;
}

/** Throws ConfigError. */
export function mailSettings(env: Variables): MailSettings {
  const isAsked = env.text("SOCKETMAP_PORT") !== undefined;
  const port = integer(env, "SOCKETMAP_PORT", { fallback: 0, min: 0, max: 65_535 });
  return {
    socketmapPort: isAsked ? port : undefined,
    socketmapHost: host(env, "SOCKETMAP_HOST", "127.0.0.1"),
    socketmapAllow: networks(env, "SOCKETMAP_ALLOW"),
    recipientDelimiter: delimiterOf(env, "RECIPIENT_DELIMITER"),
    socketmapPostmaster: addressOf(env, "SOCKETMAP_POSTMASTER"),
    socketmapInactive: oneOf(env, "SOCKETMAP_INACTIVE", ["accept", "refuse"], "accept"),
  };
}

/** Whoever reaches the port may ask: socketmap knows no passwords. */
export function requireMailClients({ socketmapPort, socketmapHost, socketmapAllow }: MailSettings): void {
  const isLoopback = isLoopbackHost(canonicalHost(socketmapHost) ?? socketmapHost);
  if (socketmapPort !== undefined && !isLoopback && socketmapAllow.length === 0)
    throw fault(
      "SOCKETMAP_ALLOW",
      "is missing: SOCKETMAP_HOST is no loopback address, so say from which networks mail servers may ask",
    );
}
