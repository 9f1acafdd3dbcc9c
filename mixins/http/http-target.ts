/** What a request line and the Host beside it name (RFC 9112 §3.2); nothing here knows which hosts and paths are ours. */
import { canonicalHost } from "../../services/contracts/host.ts";

export interface Target {
  /** Of the absolute form. */
  readonly authority: string | undefined;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: string;
}

/** A path alone, as nearly all are. */
const plainTarget = /^\/[^?#]*$/;

/** Splits origin-form and absolute-form (RFC 9112 §3.2); `OPTIONS *` has the path `*`. */
export function targetOf(url: string): Target {
  if (plainTarget.test(url)) return { authority: undefined, path: url, query: "" };
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url);
  const local = authority === null ? url : url.slice(authority[0].length);
  const [path = "", ...rest] = (local.split("#", 1)[0] ?? "").split("?");
  return { authority: authority?.[1], path: path === "" ? "/" : path, query: rest.join("?") };
}

const encodedByte = /%[\da-f]{2}/gi;
const unreserved = /[A-Za-z0-9._~-]/;

/** `%75` and `u` are the same (RFC 3986 §6.2.2.2); what is reserved stays encoded, so `%2F` never becomes a slash. */
export const unreservedDecoded = (path: string): string =>
  path.includes("%")
    ? path.replace(encodedByte, (encoded) => {
        const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
        return unreserved.test(character) ? character : encoded;
      })
    : path;

const portMax = 65_535;

/**
 * The host of `uri-host [":" port]` (RFC 9112 §3.2) in canonical form; undefined when the text is not that. Empty is
 * not, though the grammar takes it: an http URI without a host is invalid (RFC 9110 §4.2.1).
 */
export function hostOf(text: string): string | undefined {
  const [, host = "", port = ""] = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=-]+)(?::(\d*))?$/i.exec(text) ?? [];
  return Number(port) > portMax ? undefined : canonicalHost(host);
}
