/** docker-compose.yml as Compose reads it: merge keys resolved, variables replaced by what .env or their default says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repositoryRoot } from "./gate/run-tool.ts";

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly user?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly deploy?: { readonly resources?: { readonly limits?: { cpus?: string; memory?: string } } };
}

export interface ComposeFile {
  readonly services: Record<string, ComposeService>;
  readonly networks: Record<string, { readonly internal?: boolean }>;
  readonly volumes: Record<string, unknown>;
}

/** `${NAME:-default}` is the only form that the file uses; anything else throws. */
function interpolate(text: string, variables: Record<string, string>): string {
  const replaced = text.replace(
    /\$\{(\w+):-([^}]*)\}/g,
    (_, name: string, fallback: string) => variables[name] || fallback,
  );
  if (replaced.includes("$"))
    throw new Error(`Cannot interpolate ${replaced}: only \${NAME:-default} is known`);
  return replaced;
}

export function interpolated(node: unknown, variables: Record<string, string>): unknown {
  if (typeof node === "string") return interpolate(node, variables);
  if (Array.isArray(node)) return node.map((item) => interpolated(item, variables));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, interpolated(value, variables)]),
  );
}

/** Throws on a file that Compose would refuse to interpolate. */
export function composeFile(variables: Record<string, string> = {}): ComposeFile {
  const text = readFileSync(join(repositoryRoot, "docker-compose.yml"), "utf8");
  return interpolated(parse(text, { merge: true }), variables) as ComposeFile;
}

export interface Dockerfile {
  /** The last stage's base image. */
  readonly from: string;
  /** Sources that the last stage copies from the repository. */
  readonly copies: readonly string[];
  readonly environment: Record<string, string>;
  readonly command: readonly string[];
  readonly user: string | undefined;
}

/** `A=b C="d e"`, as ENV takes it. */
const pairsOf = (words: string): [string, string][] =>
  [...words.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)].map(([, name = "", quoted, plain = ""]) => [
    name,
    quoted ?? plain,
  ]);

/** The last stage of our Dockerfile; one instruction a line, but for lines that a backslash goes on with. */
export function dockerfile(): Dockerfile {
  const lines = readFileSync(join(repositoryRoot, "Dockerfile"), "utf8").replaceAll("\\\n", "").split("\n");
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const argumentsOf = (instruction: string): string[] =>
    last
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1));
  const [command = "[]"] = argumentsOf("CMD");
  return {
    from: argumentsOf("FROM")[0] ?? "",
    copies: argumentsOf("COPY")
      .filter((words) => !words.startsWith("--from="))
      .flatMap((words) => words.split(" ").slice(0, -1)),
    environment: Object.fromEntries(argumentsOf("ENV").flatMap(pairsOf)),
    command: JSON.parse(command) as string[],
    user: argumentsOf("USER")[0],
  };
}
