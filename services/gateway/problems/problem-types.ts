/** The kinds of problem that the gateway answers with; `/problems/<slug>` tells each. No logic. */

interface ProblemType {
  readonly status: number;
  readonly title: string;
  readonly about: string;
}

/** By slug; the `type` of a problem is `/problems/<slug>`. Slugs of refusals are their types. */
export const problemTypes = {
  "malformed-request": {
    status: 400,
    title: "Malformed request",
    about: "The request line, the Host, the framing or a percent-encoding is not valid HTTP.",
  },
  "malformed-json": {
    status: 400,
    title: "Malformed JSON",
    about: "The body is empty, not valid UTF-8, not valid JSON, or has an object with a member twice.",
  },
  "invalid-header": {
    status: 400,
    title: "Invalid header",
    about: "A header that the gateway reads has a value that it can't have; errors names it.",
  },
  "idempotency-key-invalid": {
    status: 400,
    title: "Invalid idempotency key",
    about:
      "Idempotency-Key takes 1 to 255 ASCII characters: visible ones bare, or printable ones as a quoted string.",
  },
  unauthenticated: {
    status: 401,
    title: "Unauthenticated",
    about:
      "The request does not show who sends it: it has no token, or one that is malformed, expired, revoked or meant for another service.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    about:
      "Whoever sends this may not do it, or may not give others so much; the detail names the scope that is missing.",
  },
  "foreign-site": {
    status: 403,
    title: "Foreign site",
    about:
      "A page of another site made a browser send this (Sec-Fetch-Site, Origin), so it changes nothing here.",
  },
  "not-found": {
    status: 404,
    title: "Not found",
    about: "Nothing lives at this path, or what lived there is deleted.",
  },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    about: "The path exists and takes only the methods that Allow lists.",
  },
  "request-timeout": {
    status: 408,
    title: "Request timeout",
    about: "The request did not arrive completely in time.",
  },
  "address-taken": {
    status: 409,
    title: "Address taken",
    about:
      "An address of the request belongs, belonged or is promised to somebody else, or is blocked; errors names each with its status and who has it.",
  },
  "external-id-taken": {
    status: 409,
    title: "External id taken",
    about:
      "Another user has the externalId of the request, or it is kept for one who was deleted, for as long as the addresses are; errors says who.",
  },
  "user-name-taken": {
    status: 409,
    title: "User name taken",
    about:
      "Another living user has the userName of the request, or the one that a restore would give back; errors says who.",
  },
  "address-held": {
    status: 409,
    title: "Address held",
    about:
      "A living user has the address, or a write under way; only what is kept for a deleted user can be released.",
  },
  "not-deleted": {
    status: 409,
    title: "Not deleted",
    about: "Only a deleted user can be restored or erased.",
  },
  "domain-in-use": {
    status: 409,
    title: "Domain in use",
    about: "Addresses live in the domain, so it can't be removed; the detail says how many.",
  },
  "dead-letter-settled": {
    status: 409,
    title: "Dead letter settled",
    about: "The dead letter has been replayed or discarded; only a pending one can be.",
  },
  "reconciliation-running": {
    status: 409,
    title: "Reconciliation running",
    about:
      "One pass of the reconciler runs at a time in an installation; GET /reconciliations/latest tells which, begin again when it is over.",
  },
  "replay-running": {
    status: 409,
    title: "Replay running",
    about:
      "One replay of a cause runs at a time in an installation; begin again when it is over (GET /dead-letters/replays/:id).",
  },
  "key-ended": {
    status: 409,
    title: "Key ended",
    about: "The access key was revoked or has expired, so it can't be rotated; make a new one.",
  },
  "idempotency-key-in-use": {
    status: 409,
    title: "Idempotency key in use",
    about:
      "The first request with this Idempotency-Key is still running, though this one has waited for its answer.",
  },
  "version-mismatch": {
    status: 412,
    title: "Version mismatch",
    about: "The user has changed since the version in If-Match; read it again and decide anew.",
  },
  "body-too-large": { status: 413, title: "Body too large", about: "The body exceeds what is accepted." },
  "unsupported-media-type": {
    status: 415,
    title: "Unsupported media type",
    about: "The body's Content-Type, charset or Content-Encoding is not one that this operation takes.",
  },
  "expectation-failed": {
    status: 417,
    title: "Expectation failed",
    about: "The only expectation that can be met is 100-continue.",
  },
  misdirected: {
    status: 421,
    title: "Misdirected request",
    about:
      "The Host is not one of this installation: loopback, the address that is listened on, or one of HTTP_ALLOWED_HOSTS.",
  },
  "invalid-fields": {
    status: 422,
    title: "Invalid fields",
    about:
      "Members of the body or parameters have invalid values; errors lists each, a member by its JSON pointer and a parameter of query or path by its name.",
  },
  "domain-not-accepted": {
    status: 422,
    title: "Domain not accepted",
    about:
      "Domains are declared, and a new address is in none of them; errors names each. GET /domains lists them.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "Idempotency key reused",
    about: "This Idempotency-Key was used for another request.",
  },
  "too-many-requests": {
    status: 429,
    title: "Too many requests",
    about:
      "This caller, or this address, has used up its minute or has too much in hand at once; Retry-After says when the next request is granted.",
  },
  "idempotency-keys-used-up": {
    status: 429,
    title: "Idempotency keys used up",
    about:
      "As many answers are kept for this caller's keys as may be (IDEMPOTENCY_KEYS_MAX); send the request without a key, or once some have expired.",
  },
  "headers-too-large": {
    status: 431,
    title: "Header fields too large",
    about: "The request line and headers exceed what is accepted.",
  },
  internal: {
    status: 500,
    title: "Internal error",
    about: "A defect on our side; the correlation id leads to it in the logs.",
  },
  "not-implemented": {
    status: 501,
    title: "Not implemented",
    about: "A part of SCIM that is not supported: /Me and /Bulk. ServiceProviderConfig tells what is.",
  },
  "search-too-slow": {
    status: 503,
    title: "Search too slow",
    about:
      "A search by q takes longer than one may, or waits for others that do. Ask for smtp or a longer part of the name, or repeat it after Retry-After.",
  },
  unavailable: {
    status: 503,
    title: "Unavailable",
    about:
      "Something needed can't be reached. Repeat the request after Retry-After; with an Idempotency-Key that is safe for every write.",
  },
} as const satisfies Record<string, ProblemType>;
export type ProblemSlug = keyof typeof problemTypes;
