/**
 * Promise: what a log line shows of a person is a mask: addresses wherever they stand in the line, names and texts made
 * of them wherever they stand under their own name, and the message of an error only when nobody's values can be in it.
 *
 * pino's `redact` knows paths, not depths, and nothing of messages and stacks. A name in free text can't be recognised,
 * so none may get there: errors are the only free text that is not written by us (error-text.ts).
 */
import { userFieldNames } from "../../services/contracts/user.ts";
import { errorFrames, errorMessage } from "./error-text.ts";

export const mask = "***";

const nestingMax = 6;
const causesMax = 5;

/** Members that hold personal data, or whole bodies, rows or statements' values with such data in them. */
const personal = new Set([
  ...userFieldNames,
  "searchText",
  "q",
  "requestedSmtp",
  "assignments",
  "changes",
  "user",
  "body",
  "data",
  "params",
  "parameters",
  "payload",
  "packet",
  "detail",
  "where",
]);

/** The folder of scoped packages, in the frames of a stack, is the one `@` that is no address. */
const addressPattern = /(?<![^\s"<>(),;:\\])[^\s"<>(),;:\\]+(?:(?<!node_modules\/)@|%40)[^\s"'<>(),;:\\]+/giu;

/** As RabbitMQ names its own nodes, in quotes behind the word: `home node 'rabbit@host-1' of durable queue`. */
const quotedNode = /^'[\w-]+@[\w.-]+$/;
const maskedUnlessNode = (found: string, at: number, line: string): string =>
  line.endsWith("node ", at) && quotedNode.test(found) ? found : `${mask}@${mask}`;

/** Replaces every address in a line; the guard is there because the bare pattern cost 44 µs a line. */
export const maskAddresses = (line: string): string =>
  line.includes("@") || line.includes("%40") ? line.replaceAll(addressPattern, maskedUnlessNode) : line;

/** Members of a body that hold a name, an address, or a value of a change, whatever it is of. */
const ofPeople = new Set<string>([
  ...userFieldNames,
  "searchText",
  "requestedSmtp",
  "requested",
  "assigned",
  "address",
  "from",
  "to",
]);
const bodyNestingMax = 32;

/**
 * A whole body for somebody who may not see whose it is: values of people are masked, what shows the way of an event stays
 * (ids, versions, names of fields, times). What lies too deep is masked whole.
 */
export function maskPeople(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return maskAddresses(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > bodyNestingMax) return mask;
  if (Array.isArray(value)) return value.map((item) => maskPeople(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const isOfPeople = ofPeople.has(key) && member !== null && member !== undefined;
      return [maskAddresses(key), isOfPeople ? mask : maskPeople(member, depth + 1)];
    }),
  );
}

/** An access key, or what was cut off of one; its id stays, which the audit log names. */
const keyPattern = /\b(mrk_(?:live|test)_[0-9A-Za-z]{12})_[0-9A-Za-z]+/g;
/** Headers by which somebody shows who they are, as Node calls them. */
const proofPattern = /"(authorization|x-proxy-secret)":"(?:[^"\\]|\\.)*"/g;
const mayHoldProof = (line: string): boolean =>
  line.includes('"authorization"') || line.includes('"x-proxy-secret"');

/** Replaces what opens the door in a line, also where personal data may be shown. */
export function maskSecrets(line: string): string {
  const keyless = line.includes("mrk_") ? line.replaceAll(keyPattern, `$1_${mask}`) : line;
  return mayHoldProof(keyless) ? keyless.replaceAll(proofPattern, `"$1":"${mask}"`) : keyless;
}

/** An error as it is logged: never a value that it quotes, unless `pii`. */
export function errorShown(error: unknown, pii: boolean, causesLeft = causesMax): unknown {
  if (!(error instanceof Error)) return pii ? error : maskMembers(error);
  const { code, type, retryable } = error as { code?: unknown; type?: unknown; retryable?: unknown };
  const cause = (error as { previous?: unknown }).previous ?? error.cause;
  return {
    name: error.name,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof type === "string" ? { type } : {}),
    ...(retryable === true ? { retryable } : {}),
    message: pii ? error.message : errorMessage(error),
    stack: errorFrames(error),
    ...(cause instanceof Error && causesLeft > 0 ? { cause: errorShown(cause, pii, causesLeft - 1) } : {}),
  };
}

function shown(key: string, value: unknown, depth: number): unknown {
  if (value === undefined || value === null) return value;
  if (personal.has(key)) return mask;
  if (typeof value !== "object") return value;
  // pino hands `err` to its own serializer, which is errorShown.
  if (value instanceof Error) return depth === 0 && key === "err" ? value : errorShown(value, false);
  return maskMembers(value, depth + 1);
}

/** The same value with its personal members masked; itself when there is none. What lies too deep is masked whole. */
export function maskMembers(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > nestingMax) return mask;
  let copy: Record<string, unknown> | undefined;
  for (const [key, member] of Object.entries(value)) {
    const masked = shown(key, member, depth);
    if (masked === member) continue;
    copy ??= { ...(value as Record<string, unknown>) };
    copy[key] = masked;
  }
  if (copy === undefined) return value;
  return Array.isArray(value) ? Object.values(copy) : copy;
}
