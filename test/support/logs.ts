/**
 * The loggers of tests. With TEST_LOG_DIR set, as `npm test` does, every line of the run is kept there, whichever process
 * wrote it, and the run ends with a look for personal data in them (personal-data.ts).
 */
import { randomUUID } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Logger, rootLogger } from "../../mixins/log/logging.ts";

const folder = process.env.TEST_LOG_DIR;
let file: number | undefined;

function keep(line: string): void {
  if (folder === undefined) return;
  file ??= openSync(join(folder, `${process.pid}-${randomUUID()}.log`), "a");
  writeSync(file, line);
}

/** Keeps the lines of a process's output; nothing of one that shows personal data on purpose. */
export function outputKeeper(
  environment: Readonly<Record<string, string | undefined>>,
): (chunk: string) => void {
  if (environment.LOG_PII === "true") return () => {};
  let rest = "";
  return (chunk) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) keep(`${line}\n`);
  };
}

export interface TestLogOptions {
  /** Gets each line, parsed. */
  readonly lines?: Record<string, unknown>[];
  /** Gets each line as it is. */
  readonly written?: string[];
  readonly level?: string;
  readonly nodeId?: string;
}

/** As a process of ours logs; with everything that it does at `debug`, also when the test itself looks at none of it. */
export function testLogger({
  lines,
  written,
  level = "debug",
  nodeId = "test",
}: TestLogOptions = {}): Logger {
  return rootLogger(
    { logLevel: level, logFormat: "json", logPii: false, nodeId },
    {
      write(line: string) {
        keep(line);
        lines?.push(JSON.parse(line));
        written?.push(line);
      },
    },
  );
}
