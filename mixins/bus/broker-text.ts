/**
 * Promise: of whatever amqplib or Moleculer throws, what the broker itself said, or the system on the way to it: one line
 * for health checks, log lines, traces and people. Importing it makes amqplib keep what it would throw away.
 */
import { causesOf } from "../basics/error-causes.ts";
import "../patches/amqplib-opening.ts";

const charsMax = 300;

/** As amqplib words every close frame: `… 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - …"`. */
const quoteMark = ' with message "';

/** amqplib's own words for what it saw of the other side. What else it says are consequences (`Channel closed`). */
const seenByClient: Readonly<Record<string, string>> = {
  "connect ETIMEDOUT": "the server does not answer (ETIMEDOUT)",
  "Socket closed abruptly during opening handshake":
    "the server closed the connection before it was open: is that port RabbitMQ's?",
  "Heartbeat timeout": "the server fell silent (no heartbeat)",
  "Unexpected close": "the server closed the connection without a word",
};

/** `reason` as the broker gives it: `low on memory`, `low on disk`. */
export const blockedText = (reason: string): string =>
  `the broker takes no messages (memory or disk alarm): ${reason}`;

const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, " ").slice(0, charsMax);

function ownText({ message }: Error): string | undefined {
  const at = message.indexOf(quoteMark);
  if (at >= 0) return oneLine(message.slice(at + quoteMark.length).replace(/"$/, ""));
  if (message.startsWith("SASL mechanism ")) return oneLine(message);
  return Object.hasOwn(seenByClient, message) ? seenByClient[message] : undefined;
}

const untrusted =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_SIGNATURE_FAILURE)$/;

/** Why a certificate is refused, and by which variable; Deno has no codes. */
function certificateText({ message, code = "" }: NodeJS.ErrnoException): string | undefined {
  const [, told = ""] = /invalid peer certificate: (\w+)/.exec(message) ?? [];
  const reason = code.startsWith("ERR_TLS_") || told === "" ? code : told;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || told.startsWith("NotValidForName"))
    return `the server's certificate is for another name than the host of AMQP_URL (${reason})`;
  return untrusted.test(code) || told === "UnknownIssuer"
    ? `the server's certificate is signed by nobody that is trusted, which AMQP_CA_FILE may say (${reason})`
    : undefined;
}

/** Of the operating system, the resolver or TLS: `connect ECONNREFUSED 127.0.0.1:5672`, `certificate has expired`. */
function systemText(error: NodeJS.ErrnoException): string | undefined {
  const { message, code, syscall } = error;
  const ofCertificate = certificateText(error);
  if (ofCertificate !== undefined) return ofCertificate;
  if (typeof code !== "string") return undefined;
  if (code.startsWith("ERR_SSL_")) return `the server does not speak TLS as we do (${code})`;
  const isOfTls = code.startsWith("ERR_TLS_") || /^[A-Z_]*(?:CERT|SIGNATURE|CRL)[A-Z_]*$/.test(code);
  if (isOfTls) return oneLine(`${message} (${code})`);
  return syscall === undefined ? undefined : oneLine(message);
}

/** `undefined`: it says nothing of the broker; it is a consequence of something else, or a defect. */
export function brokerText(error: unknown): string | undefined {
  for (const link of causesOf(error)) {
    const text = link instanceof Error ? (ownText(link) ?? systemText(link)) : undefined;
    if (text !== undefined) return text;
  }
  return undefined;
}
