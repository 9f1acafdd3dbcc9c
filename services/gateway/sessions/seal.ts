/**
 * What a browser keeps for us, sealed (JWE, A256GCM): it can neither be read nor made nor changed without the key, and what
 * was sealed for one purpose opens for no other. The first key seals, every one of them opens.
 */
import { createHash, randomBytes } from "node:crypto";
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";

/** What it is for; part of what is sealed. */
type Purpose = "session" | "sign-in";

export interface Seal {
  seal(purpose: Purpose, value: unknown): Promise<string>;
  /** undefined: not sealed by one of our keys for this. Never rejects. */
  open(purpose: Purpose, text: string): Promise<unknown>;
}

const keyBytes = 32;
const algorithms = { alg: "dir", enc: "A256GCM" } as const;

const nameOf = (key: Uint8Array): string => createHash("sha256").update(key).digest("base64url").slice(0, 8);

/** Without a key, one of this process's own: what it has sealed is worth nothing after its end, nor elsewhere. */
export function sealBy(given: readonly Uint8Array[]): Seal {
  const keys: readonly Uint8Array[] = given.length === 0 ? [randomBytes(keyBytes)] : given;
  const [first] = keys as [Uint8Array];
  const byName = new Map(keys.map((key) => [nameOf(key), key]));
  return {
    seal: (purpose, value) =>
      new CompactEncrypt(Buffer.from(JSON.stringify(value)))
        .setProtectedHeader({ ...algorithms, typ: purpose, kid: nameOf(first) })
        .encrypt(first),
    async open(purpose, text) {
      try {
        const { kid = "", typ } = decodeProtectedHeader(text);
        const key = byName.get(kid);
        if (key === undefined || typ !== purpose) return undefined;
        const { plaintext } = await compactDecrypt(text, key, {
          keyManagementAlgorithms: [algorithms.alg],
          contentEncryptionAlgorithms: [algorithms.enc],
        });
        return JSON.parse(new TextDecoder().decode(plaintext));
      } catch {
        return undefined;
      }
    },
  };
}
