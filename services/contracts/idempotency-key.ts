/** What the key of a request is, whichever way it came: by Idempotency-Key, or by the meta of a call. */

export const idempotencyKeyCharsMax = 255;

/** Printable ASCII: what a quoted string of structured fields can hold. */
export const isIdempotencyKey = (key: string): boolean =>
  key.length <= idempotencyKeyCharsMax && /^[\x20-\x7e]+$/.test(key);
