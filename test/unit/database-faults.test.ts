/**
 * Every class of SQLSTATE (PostgreSQL 18, appendix A), the codes within them that mean something else than their class,
 * and the codes with which a connection fails, each with what it is: listed here a second time, so that a row that goes
 * missing or changes its mind is seen.
 */
import test from "ava";
import {
  type DatabaseFault,
  databaseFaultOf,
  databaseFaults,
  isContention,
  isDatabaseUnavailable,
  wordedFaults,
} from "../../mixins/postgres/database-faults.ts";

/** kind, what becomes of the session, what a start does. */
type Row = readonly [DatabaseFault["kind"], DatabaseFault["session"], DatabaseFault["atStart"]];

const defect: Row = ["defect", "kept", "refuse"];
const contention: Row = ["contention", "kept", "wait"];
const waits: Row = ["outage", "kept", "wait"];
const lost: Row = ["outage", "ended", "wait"];
const lasting: Row = ["outage", "kept", "refuse"];
const lastingAndLost: Row = ["outage", "ended", "refuse"];

/** A code of the class that the table does not name stands for it. */
const sqlStates: readonly (readonly [string, Row, string])[] = [
  ["00000", defect, "successful completion"],
  ["01004", defect, "warning"],
  ["02000", defect, "no data"],
  ["03000", defect, "SQL statement not yet complete"],
  ["08000", lost, "connection exception"],
  ["08001", lost, "client unable to establish the connection"],
  ["08003", lost, "connection does not exist"],
  ["08004", lost, "server rejected the connection"],
  ["08006", lost, "connection failure"],
  ["08007", lost, "transaction resolution unknown"],
  ["08P01", lost, "protocol violation; what PgBouncer says of itself"],
  ["09000", defect, "triggered action exception"],
  ["0A000", lost, "feature not supported: a cached plan must not change its result type"],
  ["0A001", defect, "another feature that is not supported"],
  ["0B000", defect, "invalid transaction initiation"],
  ["0F001", defect, "locator exception"],
  ["0L000", defect, "invalid grantor"],
  ["0P000", defect, "invalid role specification"],
  ["0Z002", defect, "diagnostics exception"],
  ["10608", defect, "XQuery error"],
  ["20000", defect, "case not found"],
  ["21000", defect, "cardinality violation"],
  ["22001", defect, "data exception: a text too long"],
  ["22P02", defect, "data exception: invalid text representation"],
  ["23502", defect, "not-null violation"],
  ["23505", defect, "unique violation"],
  ["23514", defect, "check violation"],
  ["24000", defect, "invalid cursor state"],
  ["25001", defect, "active SQL transaction"],
  ["25006", lost, "read-only SQL transaction"],
  ["25P02", defect, "in failed SQL transaction"],
  ["25P03", lost, "idle in transaction session timeout"],
  ["25P04", lost, "transaction timeout"],
  ["26000", lastingAndLost, "invalid SQL statement name"],
  ["27000", defect, "triggered data change violation"],
  ["28000", lastingAndLost, "invalid authorization specification"],
  ["28P01", lastingAndLost, "invalid password"],
  ["2B000", defect, "dependent privilege descriptors still exist"],
  ["2D000", defect, "invalid transaction termination"],
  ["2F000", defect, "SQL routine exception"],
  ["34000", defect, "invalid cursor name"],
  ["38000", defect, "external routine exception"],
  ["39000", defect, "external routine invocation exception"],
  ["3B001", defect, "savepoint exception"],
  ["3D000", lastingAndLost, "invalid catalog name: the database does not exist"],
  ["3F000", lasting, "invalid schema name"],
  ["40000", contention, "transaction rollback"],
  ["40001", contention, "serialization failure"],
  ["40002", defect, "transaction integrity constraint violation"],
  ["40003", lost, "statement completion unknown"],
  ["40P01", contention, "deadlock detected"],
  ["42601", defect, "syntax error"],
  ["42501", lasting, "insufficient privilege"],
  ["42703", lasting, "undefined column"],
  ["42704", lasting, "undefined object"],
  ["42883", lasting, "undefined function"],
  ["42P01", lasting, "undefined table"],
  ["42P05", lastingAndLost, "duplicate prepared statement"],
  ["44000", defect, "with check option violation"],
  ["53000", waits, "insufficient resources"],
  ["53100", lasting, "disk full"],
  ["53200", waits, "out of memory"],
  ["53300", lost, "too many connections"],
  ["53400", waits, "configuration limit exceeded"],
  ["54001", defect, "statement too complex"],
  ["55000", waits, "object not in prerequisite state"],
  ["55006", waits, "object in use"],
  ["55P02", defect, "can't change runtime parameter"],
  ["55P03", contention, "lock not available"],
  ["55P04", defect, "unsafe new enum value usage"],
  ["57000", waits, "operator intervention"],
  ["57014", waits, "query cancelled"],
  ["57P01", lost, "admin shutdown"],
  ["57P02", lost, "crash shutdown"],
  ["57P03", lost, "cannot connect now"],
  ["57P04", lastingAndLost, "database dropped"],
  ["57P05", lost, "idle session timeout"],
  ["58000", lasting, "system error"],
  ["58030", lasting, "I/O error"],
  ["58P01", lasting, "undefined file"],
  ["58P02", lasting, "duplicate file"],
  ["58P03", lasting, "file name too long"],
  ["72000", contention, "snapshot too old"],
  ["F0000", lost, "configuration file error"],
  ["HV000", defect, "foreign data wrapper error"],
  ["P0001", defect, "raised by a function"],
  ["XX000", defect, "internal error"],
  ["XX001", defect, "data corrupted"],
  ["XX002", defect, "index corrupted"],
];

const connectionCodes: readonly (readonly [string, Row])[] = [
  ["ECONNREFUSED", lost],
  ["ECONNRESET", lost],
  ["ECONNABORTED", lost],
  ["ENOTCONN", lost],
  ["EPIPE", lost],
  ["ESHUTDOWN", lost],
  ["ENETRESET", lost],
  ["ERR_SOCKET_CLOSED", lost],
  ["ERR_STREAM_DESTROYED", lost],
  ["ERR_STREAM_PREMATURE_CLOSE", lost],
  ["ERR_STREAM_WRITE_AFTER_END", lost],
  ["ETIMEDOUT", lost],
  ["ERR_SOCKET_CONNECTION_TIMEOUT", lost],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", lost],
  ["EHOSTUNREACH", lost],
  ["EHOSTDOWN", lost],
  ["ENETUNREACH", lost],
  ["ENETDOWN", lost],
  ["EADDRNOTAVAIL", lost],
  ["ENOTFOUND", lost],
  ["EAI_AGAIN", lost],
  ["EAI_FAIL", lost],
  ["EAI_MEMORY", lost],
  ["EAI_NODATA", lost],
  ["EAI_NONAME", lost],
  ["EMFILE", lost],
  ["ENFILE", lost],
  ["ENOBUFS", lost],
  ["ENOMEM", lost],
  ["EPROTO", lastingAndLost],
  ["ERR_SSL_WRONG_VERSION_NUMBER", lastingAndLost],
  ["ERR_TLS_CERT_ALTNAME_INVALID", lastingAndLost],
  ["CERT_CHAIN_TOO_LONG", lastingAndLost],
  ["CERT_HAS_EXPIRED", lastingAndLost],
  ["CERT_NOT_YET_VALID", lastingAndLost],
  ["CERT_REJECTED", lastingAndLost],
  ["CERT_REVOKED", lastingAndLost],
  ["CERT_SIGNATURE_FAILURE", lastingAndLost],
  ["CERT_UNTRUSTED", lastingAndLost],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", lastingAndLost],
  ["HOSTNAME_MISMATCH", lastingAndLost],
  ["INVALID_CA", lastingAndLost],
  ["INVALID_PURPOSE", lastingAndLost],
  ["PATH_LENGTH_EXCEEDED", lastingAndLost],
  ["SELF_SIGNED_CERT_IN_CHAIN", lastingAndLost],
  ["UNABLE_TO_GET_CRL", lastingAndLost],
  ["UNABLE_TO_GET_ISSUER_CERT", lastingAndLost],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", lastingAndLost],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", lastingAndLost],
];

const messages: readonly (readonly [string, Row])[] = [
  ["Connection terminated unexpectedly", lost],
  ["Connection terminated due to connection timeout", lost],
  ["Client has encountered a connection error and is not queryable", lost],
  ["Query read timeout", lost],
  ["timeout expired", lost],
  ["timeout exceeded when trying to connect", lost],
  ["Commits wait for a standby: their backends have all connections", waits],
  ["driver has already been destroyed", lost],
  ["Cannot use a pool after calling end on the pool", lost],
  ["The server does not support SSL connections", lastingAndLost],
  ["There was an error establishing an SSL connection", lastingAndLost],
  ["invalid peer certificate: UnknownIssuer", lastingAndLost],
];

const failure = (members: object, message = "x"): Error => Object.assign(new Error(message), members);
const rowOf = (error: unknown): Row | undefined => {
  const fault = databaseFaultOf(error);
  return fault && [fault.kind, fault.session, fault.atStart];
};

for (const [code, row, says] of sqlStates)
  test(`SQLSTATE ${code} (${says}) is ${row.join(", ")}`, (t) => {
    t.deepEqual(rowOf(failure({ code, severity: "ERROR" })), row);
  });

for (const [code, row] of connectionCodes)
  test(`a connection that fails with ${code} is ${row.join(", ")}`, (t) => {
    t.deepEqual(rowOf(failure({ code })), row);
  });

for (const [message, row] of messages)
  test(`pg's own "${message}" is ${row.join(", ")}`, (t) => {
    t.deepEqual(rowOf(failure({}, message)), row);
  });

test("the table has no row that is not decided here as well", (t) => {
  const rowNamed = (name: string) =>
    [...sqlStates, ...connectionCodes].some(([code]) => code === name || code.slice(0, 2) === name);
  for (const name of Object.keys(databaseFaults)) t.true(rowNamed(name), name);
  for (const words of Object.keys(wordedFaults))
    t.true(
      messages.some(([message]) => message.startsWith(words)),
      words,
    );
});

test("what comes before there is a connection is an outage, whatever its code", (t) => {
  for (const code of ["XX000", "22023", "55000", "SOMETHING_NEW"])
    t.deepEqual(rowOf(failure({ code, connecting: true })), lost);
});

test("an error by which the server ends the session is an outage, whatever its code", (t) => {
  for (const severity of ["FATAL", "PANIC"]) t.deepEqual(rowOf(failure({ code: "XX000", severity })), lost);
  t.deepEqual(rowOf(failure({ code: "28P01", severity: "FATAL" })), lastingAndLost);
});

test("an error is known within what wraps it, and one of another origin is none of a database", (t) => {
  const wrapped = new Error("failed", { cause: new AggregateError([failure({ code: "ECONNREFUSED" })]) });
  t.true(isDatabaseUnavailable(wrapped));
  t.true(isContention(failure({ previous: failure({ code: "40001" }) })));
  for (const other of [
    new TypeError("x"),
    failure({ code: 503 }),
    failure({ code: "toString" }),
    "ECONNREFUSED",
    null,
  ])
    t.is(databaseFaultOf(other), undefined);
});
