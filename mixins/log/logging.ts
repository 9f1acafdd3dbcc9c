/**
 * Promise: one JSON object a line, every line of a request carries its correlation id (of
 * several that share the work: all of theirs), nothing personal leaves in a line
 * unless LOG_PII=true (masking.ts), no key leaves at all, and the level of the whole process can be changed while it runs.
 */
import { createRequire } from "node:module";
import { type DestinationStream, type Logger, pino } from "pino";
import type { LogLevel } from "../../services/contracts/operations.ts";
import { hasColours } from "../basics/colours.ts";
import { within } from "../basics/pause.ts";
import { correlationMembers } from "../context/correlation.ts";
import { errorMessage } from "./error-text.ts";
import { errorShown, maskAddresses, maskMembers, maskSecrets } from "./masking.ts";

export type { Logger } from "pino";

/** Named as in the configuration, which is one of these. */
export interface LogOptions {
  readonly logLevel: string;
  readonly logFormat: "json" | "pretty";
  readonly logPii: boolean;
  readonly nodeId: string;
}

/** Whatever a library throws at its logger, pino gets (object, message); it keeps a second argument only so. */
function arranged(args: unknown[], pii: boolean): unknown[] {
  const [message, detail, ...rest] = args;
  // Moleculer logs (error, command, packet); without a message pino would take the error's own.
  if (message instanceof Error)
    return [{ err: message }, typeof detail === "string" ? detail : textOf(message, pii)];
  if (typeof message === "object" && message !== null) {
    const { err } = message as { err?: unknown };
    return err instanceof Error && detail === undefined ? [message, textOf(err, pii)] : args;
  }
  if (typeof message !== "string" || args.length < 2 || /%[sdifjoOc]/.test(message)) return args;
  if (detail instanceof Error) return [{ err: detail }, message];
  if (typeof detail === "object" && detail !== null) return [detail, message];
  return [[message, detail, ...rest].map(String).join(" ")];
}

const textOf = (error: Error, pii: boolean): string => (pii ? error.message : errorMessage(error));

/** A library tells of each step at `info`; an operator wants that only when looking for something. */
const quieter = (level: string): string => (level === "info" ? "warn" : level);

const endMaxMs = 500;

/** Where a logger writes to: pino's own destination, or the formatter in front of it. */
type LogStream = {
  write(text: string): void;
  end(): void;
  flush?(done: () => void): void;
} & NodeJS.EventEmitter;

/** What a root logger carries beside what pino gives it. */
interface Extras {
  readonly stream: LogStream;
  /** The loggers of libraries, which have a level of their own. */
  readonly quiet: Set<Logger>;
}
const extras = Symbol("extras of a root logger");
/** Its children have them, too. */
const extrasOf = (log: Logger): Extras => (log as Logger & { readonly [extras]: Extras })[extras];

/** A child for a library, at `warn` while the process is at `info`, else at its level. */
export function libraryLogger(log: Logger, bindings: Record<string, unknown>): Logger {
  const child = log.child(bindings, { level: quieter(log.level) });
  extrasOf(log).quiet.add(child);
  return child;
}

/** The level of a process whose root logger this is; children that have no level of their own follow by themselves. */
export function setLogLevel(root: Logger, level: LogLevel): void {
  root.level = level;
  for (const child of extrasOf(root).quiet) child.level = quieter(level);
}

/** Loaded for a person at a terminal alone. */
const pretty = (): typeof import("pino-pretty") => createRequire(import.meta.url)("pino-pretty");

/**
 * pino goes on in silence when nobody reads any more; whoever listens to stdout's errors hears of it here. That lines
 * can't be flushed is such an error too, and must not keep who flushes them at an exit.
 */
function standardOutput({ sync }: { sync: boolean }): DestinationStream {
  const output = pino.destination({ dest: 1, sync });
  const flush = output.flushSync.bind(output);
  output.flushSync = () => {
    try {
      flush();
    } catch (error) {
      output.emit("error", error as Error);
    }
  };
  output.on("error", (error: Error) => {
    if (process.stdout.listenerCount("error") > 0) process.stdout.emit("error", error);
  });
  return output;
}

/** Waits a moment for what tells that lines are out. Not `flushSync`: a line on its way would come behind those after it. */
async function waited(out: (done: () => void) => void): Promise<void> {
  await within(endMaxMs, "too late", new Promise<void>(out)).catch(() => {});
}

/**
 * Text for a person, behind every line that was logged before it. One JSON object a line is a promise about stdout, and
 * people read stderr too.
 */
export async function printBehindLog(log: Logger, text: string): Promise<void> {
  const { stream } = extrasOf(log);
  if (stream.flush === undefined) return void stream.write(text);
  await waited((done) => stream.flush?.(done));
  process.stderr.write(text);
}

/** Resolves when every line is out, or after a moment when nobody takes them; nothing can be logged any more. */
export async function endLog(log: Logger): Promise<void> {
  const { stream } = extrasOf(log);
  await waited((done) => {
    if (stream.flush !== undefined) return stream.flush(done);
    stream.once("close", done);
    stream.end();
  });
}

/** The root logger of a process; services take a child of it that carries `service`. */
export function rootLogger(options: LogOptions, destination?: DestinationStream): Logger {
  const { logLevel, logFormat, logPii: pii, nodeId } = options;
  const stream =
    destination ??
    (logFormat === "pretty"
      ? pretty()({
          destination: standardOutput({ sync: true }),
          colorize: hasColours(process.stdout),
          singleLine: true,
          translateTime: "SYS:HH:MM:ss.l",
          ignore: "nodeID,module,traceparent,actor",
        })
      : standardOutput({ sync: false }));
  const root = pino(
    {
      level: logLevel,
      base: { nodeID: nodeId },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => errorShown(error, pii) },
      formatters: {
        level: (label) => ({ level: label }),
        log: (members) => (pii ? members : (maskMembers(members) as Record<string, unknown>)),
      },
      mixin: correlationMembers,
      hooks: {
        logMethod(args, method) {
          method.apply(this, arranged(args, pii) as Parameters<typeof method>);
        },
        streamWrite: pii ? maskSecrets : (line) => maskSecrets(maskAddresses(line)),
      },
    },
    stream as DestinationStream,
  );
  Object.defineProperty(root, extras, { value: { stream, quiet: new Set() } });
  return root;
}

/** For a command, which tells by its own words what it does. */
export const silentLogger = (): Logger =>
  rootLogger({ logLevel: "silent", logFormat: "json", logPii: false, nodeId: "" });
