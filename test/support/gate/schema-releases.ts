/**
 * The folder of event schemas: `next` is what the code says, a folder with a version's name is what that release
 * said, frozen for ever by the digests in its SHA256SUMS (`sha256sum -c SHA256SUMS`).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";
import { dataschemas, eventSchemas, eventTypes, type FactType } from "../../../services/contracts/events.ts";
import { repositoryRoot } from "./run-tool.ts";
import { breakingChanges, type JsonSchema } from "./schema-compatibility.ts";

export const schemasFolder = join(repositoryRoot, "docs/schemas");
const sumsFile = "SHA256SUMS";
/** CloudEvents as the release published them, oldest first. */
export const eventsFile = "events.json";

const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** `io: "input"` leaves objects open: a member that is not known is ignored, so one may be added. */
export function schemaOf(type: FactType): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(eventSchemas[type], { io: "input", unrepresentable: "any" });
  return { $schema, $id: dataschemas[type], ...schema };
}

/** File name to text, as `next` must be. */
const exported = (): Map<string, string> =>
  new Map(eventTypes.map((type) => [`${type}.json`, textOf(schemaOf(type))]));

export function writeNext(): void {
  const folder = join(schemasFolder, "next");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of exported()) writeFileSync(join(folder, file), text);
}

/** Newest last. */
export const releases = (): string[] =>
  readdirSync(schemasFolder)
    .filter((name) => /^\d+\.\d+\.\d+/.test(name))
    .sort(new Intl.Collator("en", { numeric: true }).compare);

export interface Release {
  readonly version: string;
  /** By event type. */
  readonly schemas: ReadonlyMap<string, JsonSchema>;
  readonly events: readonly { readonly type: string }[];
}

const typesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json") && file !== eventsFile)
    .map((file) => file.slice(0, -".json".length));

export function readRelease(version: string): Release {
  const folder = join(schemasFolder, version);
  return {
    version,
    schemas: new Map(typesIn(folder).map((type) => [type, json<JsonSchema>(join(folder, `${type}.json`))])),
    events: json(join(folder, eventsFile)),
  };
}

/** Types that no release publishes any more, each with the reason. */
export const retiredTypes = (): Record<string, string> => json(join(schemasFolder, "retired.json"));

/** Freezes what `next` says, with events that were really published. Throws when the version is frozen already. */
export function freeze(version: string, events: readonly unknown[]): void {
  const folder = join(schemasFolder, version);
  if (existsSync(folder)) throw new Error(`Cannot freeze ${version}: it is frozen already`);
  mkdirSync(folder);
  const files = exported().set(eventsFile, textOf(events));
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  const sums = [...files].sort().map(([file, text]) => `${digest(text)}  ${file}\n`);
  writeFileSync(join(folder, sumsFile), sums.join(""));
}

function nextFaults(): string[] {
  const folder = join(schemasFolder, "next");
  const wanted = exported();
  const there = existsSync(folder) ? readdirSync(folder) : [];
  const stale = [...new Set([...wanted.keys(), ...there])].filter((file) => {
    const path = join(folder, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== wanted.get(file);
  });
  return stale.map((file) => `docs/schemas/next/${file} is not what the code says: run npm run schemas`);
}

/** A search-and-replace over the repository must not rename what a release has said. */
export function frozenFaults(folder: string): string[] {
  const sums = existsSync(join(folder, sumsFile)) ? readFileSync(join(folder, sumsFile), "utf8") : "";
  const wanted = new Map(
    sums.split("\n").flatMap((line) => {
      const [sum, file] = line.split("  ");
      return sum && file ? [[file, sum] as const] : [];
    }),
  );
  const there = readdirSync(folder).filter((file) => file !== sumsFile);
  return [...new Set([...wanted.keys(), ...there])]
    .filter(
      (file) =>
        !there.includes(file) || digest(readFileSync(join(folder, file), "utf8")) !== wanted.get(file),
    )
    .map(
      (file) =>
        `docs/schemas/${basename(folder)}/${file} was changed: a release is frozen, restore it from git`,
    );
}

/** What today's schemas break of a release; pure. */
export function releaseFaults(
  { version, schemas }: Pick<Release, "version" | "schemas">,
  today: ReadonlyMap<string, JsonSchema>,
  retired: Readonly<Record<string, string>>,
): string[] {
  return [...schemas].flatMap(([type, released]) => {
    if (type in retired) return [];
    const now = today.get(type);
    const broken =
      now === undefined
        ? [`it is gone: consumers of release ${version} still wait for it (docs/schemas/retired.json)`]
        : breakingChanges(version, released, now);
    if (broken.length === 0) return [];
    return [
      `${type} breaks: ${broken.join("\n  ")}\n  a breaking change is a new version beside this one: docs/guides/schema-evolution.md`,
    ];
  });
}

/** All findings of this repository. */
export function eventSchemaFaults(): string[] {
  const { version } = json<{ version: string }>(join(repositoryRoot, "package.json"));
  const frozen = releases();
  const today = new Map<string, JsonSchema>(eventTypes.map((type) => [type, schemaOf(type)]));
  const retired = retiredTypes();
  return [
    ...nextFaults(),
    ...(frozen.includes(version)
      ? []
      : [`docs/schemas/${version} is missing: run npm run schemas -- release`]),
    ...frozen.flatMap((name) => frozenFaults(join(schemasFolder, name))),
    ...frozen.flatMap((name) => releaseFaults(readRelease(name), today, retired)),
    ...Object.keys(retired)
      .filter((type) => today.has(type))
      .map((type) => `${type} is retired in docs/schemas/retired.json and still in the code`),
  ];
}
