/**
 * Does a schema of today get along with a released one? Decided by jsoncompat in both directions: a consumer of the
 * release must understand today's events, and today's consumers those of the release, which wait in queues, dead
 * letters and archives. Pure.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { check_compat, initSync } from "jsoncompat";

export type JsonSchema = Record<string, unknown>;

const differencesToldMax = 8;

let loaded = false;
function load(): void {
  if (loaded) return;
  const wasm = fileURLToPath(import.meta.resolve("jsoncompat/jsoncompat_wasm_bg.wasm"));
  initSync({ module: readFileSync(wasm) });
  loaded = true;
}

/** Every leaf of a schema under its JSON pointer. Names of required members stand for themselves, not by position. */
function leaves(value: unknown, pointer = "", found = new Map<string, string>()): Map<string, string> {
  if (typeof value !== "object" || value === null) found.set(pointer, JSON.stringify(value));
  else if (Array.isArray(value) && pointer.endsWith("/required"))
    for (const name of value) found.set(`${pointer}/${name}`, "true");
  else for (const [name, member] of Object.entries(value)) leaves(member, `${pointer}/${name}`, found);
  return found;
}

const isProse = (pointer: string): boolean => /\/(description|title|examples(\/\d+)?)$/.test(pointer);
/** What jsoncompat takes for a remark, and a reader for a meaning. */
const isMeaning = (pointer: string): boolean => /\/(format|default(\/.*)?)$/.test(pointer);

function differences(released: JsonSchema, today: JsonSchema): { pointer: string; text: string }[] {
  const [before, after] = [leaves(released), leaves(today)];
  const pointers = [...new Set([...before.keys(), ...after.keys()])].filter((pointer) => !isProse(pointer));
  return pointers.flatMap((pointer) => {
    const [old, now] = [before.get(pointer), after.get(pointer)];
    if (old === now) return [];
    if (now === undefined) return [{ pointer, text: `gone: ${pointer} (was ${old})` }];
    if (old === undefined) return [{ pointer, text: `new: ${pointer} (is ${now})` }];
    return [{ pointer, text: `changed: ${pointer} (was ${old}, is ${now})` }];
  });
}

function changedMeanings(released: JsonSchema, today: JsonSchema): string[] {
  return differences(released, today)
    .filter(({ pointer, text }) => isMeaning(pointer) && !text.startsWith("new:"))
    .map(({ text }) => text);
}

/** jsoncompat proves statements about values; it refuses the names of whole documents. */
const bare = ({ $id: _, ...schema }: JsonSchema): string => JSON.stringify(schema);

/** What is only there in addition is rarely what breaks anything. */
const isAddition = ({ pointer, text }: { readonly pointer: string; readonly text: string }): boolean =>
  text.startsWith("new:") && !pointer.includes("/required/");

/** What breaks, each a sentence with `release` in it, and what differs; nothing when both understand each other. */
export function breakingChanges(release: string, released: JsonSchema, today: JsonSchema): string[] {
  load();
  const [old, now] = [bare(released), bare(today)];
  if (old === now) return [];
  const broken: string[] = [];
  if (!check_compat(old, now, "serializer"))
    broken.push(`a consumer of release ${release} may not understand today's events`);
  if (!check_compat(old, now, "deserializer"))
    broken.push(`today's consumers may not understand the events of release ${release}`);
  if (broken.length > 0) {
    const all = differences(released, today);
    const told = [...all.filter((each) => !isAddition(each)), ...all.filter(isAddition)].map(
      ({ text }) => text,
    );
    const rest = told.length > differencesToldMax ? [`and ${told.length - differencesToldMax} more`] : [];
    return [...broken, ...told.slice(0, differencesToldMax), ...rest];
  }
  const meanings = changedMeanings(released, today);
  return meanings.length === 0
    ? []
    : [`an event of release ${release} would be read with another meaning`, ...meanings];
}
