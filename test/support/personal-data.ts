/**
 * Whether a log line shows a person. The names are those that the tests themselves give to people: they are read from
 * the tests' sources, so a new test is covered without having to say so.
 */
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const findingsShownMax = 20;

/** As written: `displayName: "Ann Lee"`, `"displayName":"Ann"`. */
const givenName = /displayName["']?\s*[:=]\s*["'`]([^"'`$]+)["'`]|displayName\\?":\s*\\?"([^"\\]+)/g;
/** Shorter ones, and those in lower case, are words that any line may hold. */
const recognisable = /^\s*\p{Lu}\p{L}{2,}/u;
/** Begins where a word does: tried from each of its characters, a word of 40,000 took seconds. */
const address =
  /(?<![^\s"'<>(),;:\\])[^\s"'<>(),;:\\]+(?:(?<!node_modules\/)@|%40)(?!\*\*\*)[^\s"'<>(),;:\\]+/iu;

/** The names in sources of tests. */
export function namesIn(sources: readonly string[]): string[] {
  const names = sources.flatMap((text) =>
    [...text.matchAll(givenName)].map((match) => (match[1] ?? match[2] ?? "").trim()),
  );
  return [...new Set(names)].filter((name) => recognisable.test(name));
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Finds what of a person a line shows; undefined: nothing. */
export function personFinder(names: readonly string[]): (line: string) => string | undefined {
  // A name of several words also as it is searched for: in lower case.
  const exact = names.map(escaped).join("|");
  const folded = names.filter((name) => name.includes(" ")).map((name) => escaped(name.toLowerCase()));
  const word = (alternatives: string) =>
    new RegExp(`(?<![\\p{L}\\p{N}_-])(?:${alternatives})(?![\\p{L}\\p{N}_-])`, "u");
  const patterns = [exact, folded.join("|")].filter((text) => text !== "").map(word);
  return (line) => {
    for (const pattern of patterns) {
      const found = pattern.exec(line);
      if (found !== null) return found[0];
    }
    return /@|%40/.test(line) ? address.exec(line)?.[0] : undefined;
  };
}

export interface LogFindings {
  readonly lines: number;
  /** What was found, and in which line; the first ones. */
  readonly findings: readonly string[];
}

const isLogLine = (line: string): boolean => line.startsWith("{") && line.includes('"level":');

/** Looks through every line that was kept in the folder. */
export function personalDataIn(folder: string, root: string): LogFindings {
  const sources = globSync("test/**/*.ts", { cwd: root }).map((path) =>
    readFileSync(join(root, path), "utf8"),
  );
  const find = personFinder(namesIn(sources));
  const findings: string[] = [];
  let lines = 0;
  for (const name of readdirSync(folder))
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      if (!isLogLine(line)) continue;
      lines += 1;
      const found = findings.length < findingsShownMax ? find(line) : undefined;
      if (found !== undefined) findings.push(`${found} in ${line}`);
    }
  return { lines, findings };
}
