/** The path of the next page that a list's answer names in `Link` (RFC 8288); undefined on the last one. */
export const nextOf = (headers: Headers): string | undefined =>
  /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
