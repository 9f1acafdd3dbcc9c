/** Which servers test files use: those that they, or the helpers that they import, ask for. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const serverNames = [
  "postgres",
  "rabbit",
  "prometheus",
  "postfix",
  "exim",
  "haraka",
  "chromium",
] as const;
export type ServerName = (typeof serverNames)[number];

/** The functions of test/support/resources.ts, and the variables that name servers. */
const marks: Readonly<Record<ServerName, RegExp>> = {
  postgres: /\b(testDatabase|migratedDatabase)\(|\benv\.TEST_DATABASE_URL\b/,
  rabbit: /\b(testVhost|rabbitEval)\(|\benv\.(TEST_AMQP_URL|TEST_RABBITMQCTL)\b/,
  prometheus: /\benv\.TEST_PROMETHEUS\b/,
  postfix: /\benv\.TEST_POSTFIX\b/,
  exim: /\benv\.TEST_EXIM\b/,
  haraka: /\benv\.TEST_HARAKA\b/,
  chromium: /\benv\.TEST_CHROMIUM\b/,
};
/** They make every kind for whoever asks for one. */
const provisioning = /\/test\/support\/(resources\.ts|provision\/)/;

function collect(path: string, seen: Map<string, string>): void {
  if (seen.has(path) || provisioning.test(path) || !existsSync(path)) return;
  const text = readFileSync(path, "utf8");
  seen.set(path, text);
  const code = text.replaceAll(/^import type [^;]*;/gm, "");
  for (const [, relative = ""] of code.matchAll(/(?:from|import|import\() ?"(\.[^"]+\.ts)"/g))
    if (join(dirname(path), relative).includes("/test/")) collect(join(dirname(path), relative), seen);
}

/** Paths from the repository's folder, or whole ones. */
export function serversOf(files: readonly string[], root: string): ServerName[] {
  const texts = new Map<string, string>();
  for (const file of files) collect(resolve(root, file), texts);
  return serverNames.filter((name) => [...texts.values()].some((text) => marks[name].test(text)));
}
