/**
 * Promise: what an error of PostgreSQL, or of the way to it, means for the work that met it is decided here, once, and
 * for every class of SQLSTATE (PostgreSQL, appendix A) and every error code of a connection (Node, `errors` and `tls`).
 *
 * Nothing is decided by what the server's message says: it may be in any language. Only what pg itself says without a
 * code is known by its words.
 */

import { byConnectionCode } from "../basics/connection-state.ts";
import { causesOf } from "../basics/error-causes.ts";

/**
 * - `outage`: the same work succeeds later, without anybody changing it. A request is answered 503, a consumer waits.
 * - `contention`: it lost against other work, and may be run again at once.
 * - `defect`: the work itself, or our code, is at fault. A request is answered 500 (or refused by whoever knows the
 *   code, as 23505), an event goes the way to the dead letters.
 */
export type FaultKind = "outage" | "contention" | "defect";

export interface DatabaseFault {
  readonly kind: FaultKind;
  /** `ended`: the session is of no more use and is given up; the next work gets another one. */
  readonly session: "kept" | "ended";
  /** While a process starts: whether time may mend it, or a person has to. */
  readonly atStart: "wait" | "refuse";
  /** What an operator is told: a clause without any value; `its` is a database's. */
  readonly means: string;
}

type More = Partial<Pick<DatabaseFault, "session" | "atStart">>;

const fault = (kind: FaultKind, means: string, more: More = {}): DatabaseFault => ({
  kind,
  session: "kept",
  atStart: kind === "defect" ? "refuse" : "wait",
  means,
  ...more,
});
const outage = (means: string, more?: More): DatabaseFault => fault("outage", means, more);
const ended = { session: "ended" } as const;
const refuse = { atStart: "refuse" } as const;

const each = (decision: DatabaseFault, codes: string): Record<string, DatabaseFault> =>
  Object.fromEntries(codes.split(" ").map((code) => [code, decision]));

const lost = outage("the connection to its server is lost", ended);
const silent = outage("its server does not answer", ended);
const noTls = outage("a TLS connection that is trusted can't be made to its server", { ...ended, ...refuse });
const closing = outage("this process is closing it", ended);

const sqlStates: Readonly<Record<string, DatabaseFault>> = {
  ...each(
    fault("defect", "its server refuses a statement of this release"),
    "00 01 02 03 09 0A 0B 0F 0L 0P 0Z 10 20 21 24 25 27 2B 2D 2F 34 38 39 3B 42 54 55P02 55P04 HV P0",
  ),
  ...each(fault("defect", "its server refuses a value"), "22 23 40002 44"),
  // Damage and bugs of the server stay until a person mends them, and concern few rows: what meets them must not hold up
  // the rest, and can be replayed from the dead letters. A server that dies of them ends the session, which is an outage.
  ...each(fault("defect", "its server has met damaged data or an error of its own"), "XX"),

  ...each(fault("contention", "a transaction lost against another one"), "40 72"),
  ...each(fault("contention", "a row stayed locked"), "55P03"),

  ...each(lost, "08 25P03 25P04 40003 57P05"),
  // A standby, or a server that was told so. Another session may reach the new primary.
  ...each(outage("its server takes no writes: it is a standby, or is set read-only", ended), "25006"),
  // A prepared statement fails in its session for ever once its table was altered ("cached plan must not change result
  // type").
  ...each(outage("a session's prepared statements are no longer valid", ended), "0A000"),
  // One session knows a statement of ours twice, or one that we have prepared not at all: several of them serve us.
  ...each(
    outage(
      "a pooler mixes up prepared statements: PgBouncer has to be 1.21 or later, with max_prepared_statements = 200",
      { ...ended, ...refuse },
    ),
    "26 42P05",
  ),
  ...each(outage("its server refuses the user or the password", { ...ended, ...refuse }), "28"),
  ...each(outage("the database does not exist", { ...ended, ...refuse }), "3D 57P04"),
  // Also what PostgreSQL makes of a file system that the kernel has set read-only (EROFS).
  ...each(outage("the user has not the rights that are needed", refuse), "42501"),
  ...each(outage("the schema that is needed is not there", refuse), "3F 42703 42704 42883 42P01"),
  ...each(outage("its server lacks memory or files"), "53 53200"),
  ...each(outage("the disk of its server is full", refuse), "53100"),
  ...each(outage("its server has no connection left", ended), "53300"),
  ...each(outage("the database is busy with something that excludes all else"), "55"),
  ...each(outage("an operator of its server has intervened"), "57"),
  // By its timeout or by `pg_cancel_backend`: nothing tells which but the message, and both may be repeated.
  ...each(outage("a statement was cancelled or took too long"), "57014"),
  ...each(outage("its server is starting or stopping", ended), "57P01 57P02 57P03"),
  ...each(outage("the disk or the system of its server fails", refuse), "58"),
  ...each(outage("the configuration of its server is faulty", ended), "F0"),
};

const connectionCodes: Readonly<Record<string, DatabaseFault>> = {
  ...byConnectionCode({
    refused: outage("nothing listens at its address", ended),
    lost,
    silent,
    unreachable: outage("there is no way to its host", ended),
    nameless: outage("the name of its host is not known", ended),
  }),
  ...each(outage("this machine can open no more connections", ended), "EMFILE ENFILE ENOBUFS ENOMEM"),
  ...each(
    noTls,
    "EPROTO ERR_SSL_WRONG_VERSION_NUMBER ERR_TLS_CERT_ALTNAME_INVALID CERT_CHAIN_TOO_LONG CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REJECTED CERT_REVOKED CERT_SIGNATURE_FAILURE CERT_UNTRUSTED DEPTH_ZERO_SELF_SIGNED_CERT HOSTNAME_MISMATCH INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_CRL UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ),
};

/** By code; a class of SQLSTATE without a code of its own is named by its two first characters. */
export const databaseFaults: Readonly<Record<string, DatabaseFault>> = { ...sqlStates, ...connectionCodes };

const unanswered = "Query read timeout";

/** What pg, its pool, Deno's TLS and our budget of connections say without a code; the beginning of the message. */
export const wordedFaults: Readonly<Record<string, DatabaseFault>> = {
  "Connection terminated due to connection timeout": silent,
  "Connection terminated": lost,
  "Client has encountered a connection error": lost,
  [unanswered]: silent,
  "timeout expired": silent,
  "timeout exceeded when trying to connect": silent,
  "Commits wait for a standby": outage("commits wait for its standby"),
  "driver has already been destroyed": closing,
  "Cannot use a pool after calling end": closing,
  "The server does not support SSL connections": noTls,
  "There was an error establishing an SSL connection": noTls,
  "invalid peer certificate": noTls,
};

interface Link {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly severity?: unknown;
  readonly constraint?: unknown;
  /** Set by DatabaseClient on what came before there was a connection. */
  readonly connecting?: unknown;
}

const sqlState = /^[0-9A-Z]{5}$/;

const linksOf = (error: unknown): Link[] => [...causesOf(error)];

function byCode(code: unknown): DatabaseFault | undefined {
  if (typeof code !== "string") return undefined;
  const own = Object.hasOwn(databaseFaults, code) ? databaseFaults[code] : undefined;
  return own ?? (sqlState.test(code) ? databaseFaults[code.slice(0, 2)] : undefined);
}

function decided({ code, message, severity }: Link): DatabaseFault | undefined {
  const faultOfCode = byCode(code);
  // Whatever the code: the server has ended the session, so nothing was wrong with the work.
  if (severity === "FATAL" || severity === "PANIC")
    return faultOfCode?.kind === "outage" ? faultOfCode : lost;
  if (faultOfCode !== undefined || typeof message !== "string") return faultOfCode;
  return Object.entries(wordedFaults).find(([words]) => message.startsWith(words))?.[1];
}

/** undefined: it is no error of a database. The outermost error that tells something decides. */
export function databaseFaultOf(error: unknown): DatabaseFault | undefined {
  const links = linksOf(error);
  let first: DatabaseFault | undefined;
  for (const link of links) first ??= decided(link);
  if (!links.some(({ connecting }) => connecting === true)) return first;
  return first?.kind === "outage" ? { ...first, ...ended } : lost;
}

const sentence = ({ means }: DatabaseFault): string => `The database can't be used: ${means}`;

const sentences = new Set(
  [...Object.values(databaseFaults), ...Object.values(wordedFaults)].map((known) => sentence(known)),
);

/** The sentence of an outage, undefined for all else. It tells nothing of the installation, so anybody may read it. */
export function outageTextOf(error: unknown): string | undefined {
  const fault = databaseFaultOf(error);
  return fault?.kind === "outage" ? sentence(fault) : undefined;
}

/** Whether a text is such a sentence. */
export const isOutageText = (text: string | undefined): text is string =>
  text !== undefined && sentences.has(text);

/** The database could not be used: the same work may succeed later. */
export const isDatabaseUnavailable = (error: unknown): boolean => databaseFaultOf(error)?.kind === "outage";

/** The transaction lost against another one and may simply be run again. */
export const isContention = (error: unknown): boolean => databaseFaultOf(error)?.kind === "contention";

const hasCode = (error: unknown, code: string): boolean => linksOf(error).some((link) => link.code === code);

/** The client has waited for an answer for as long as it does. */
export const isUnanswered = (error: unknown): boolean =>
  linksOf(error).some(({ message }) => message === unanswered);

/** SQLSTATE 23505, of any constraint or of one; never recognised by its text. */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean =>
  linksOf(error).some(
    (link) => link.code === "23505" && (constraint === undefined || link.constraint === constraint),
  );

/** The server has given a statement up (SQLSTATE 57014): the database is slow, or the statement is too much at once. */
export const isStatementTimeout = (error: unknown): boolean => hasCode(error, "57014");

/** What a server that takes no writes would say to one, told before there is anything to lose. */
export class ReadOnlyDatabase extends Error {
  override name = "ReadOnlyDatabase";
  readonly code = "25006";
}

/** What a statement would meet that needs a table or a column which is not there. */
export class SchemaMissing extends Error {
  override name = "SchemaMissing";
  readonly code = "42P01";
}

/** What a statement would meet that writes a table in which its user may not. */
export class RightsMissing extends Error {
  override name = "RightsMissing";
  readonly code = "42501";
}
