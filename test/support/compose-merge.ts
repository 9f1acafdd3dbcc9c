/**
 * Several Compose files as Compose reads them together: mappings are merged, lists are joined (volumes by where they are
 * mounted), what runs is replaced, and `!reset` takes away.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type ComposeFile, interpolated } from "./compose-file.ts";
import { repositoryRoot } from "./gate/run-tool.ts";

const reset = Symbol("!reset");
const replaced = ["command", "entrypoint", "test"];

const isMapping = (node: unknown): node is Record<string, unknown> =>
  typeof node === "object" && node !== null && !Array.isArray(node);

const mountedAt = (volume: unknown): unknown => String(volume).split(":")[1];

function joined(key: string, base: readonly unknown[], more: readonly unknown[]): unknown[] {
  if (key === "volumes") {
    const places = more.map(mountedAt);
    return [...base.filter((volume) => !places.includes(mountedAt(volume))), ...more];
  }
  return [...new Set([...base, ...more])];
}

function merged(key: string, base: unknown, more: unknown): unknown {
  if (isMapping(base) && isMapping(more)) {
    const keys = [...new Set([...Object.keys(base), ...Object.keys(more)])];
    const entries = keys.map((each) => [
      each,
      each in more ? merged(each, base[each], more[each]) : base[each],
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== reset));
  }
  if (Array.isArray(base) && Array.isArray(more) && !replaced.includes(key)) return joined(key, base, more);
  return more;
}

/** Not interpolated; what the Compose specification's schema is for. */
export function mergedComposeFiles(...names: readonly string[]): unknown {
  const customTags = [{ tag: "!reset", collection: "seq", resolve: () => reset }] as unknown as NonNullable<
    Parameters<typeof parse>[2]
  >["customTags"];
  return names
    .map((name) => readFileSync(join(repositoryRoot, name), "utf8"))
    .map((text) => parse(text, { merge: true, customTags }) as unknown)
    .reduce((base, more) => merged("", base, more));
}

/** docker-compose.yml with docker-compose.ha.yml. */
export const clusterComposeFile = (variables: Record<string, string> = {}): ComposeFile =>
  interpolated(mergedComposeFiles("docker-compose.yml", "docker-compose.ha.yml"), variables) as ComposeFile;
