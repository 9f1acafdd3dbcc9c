/**
 * Filters and paths (RFC 7644 §3.4.2.2, §3.5.2) read by recursive descent, and what clients send beyond the grammar:
 * `emails[type eq "work"].value eq "…"`, keywords in any case, booleans as text.
 *
 * Promise: each token is read once, so the time grows with the length alone; a text of more than `filterCharsMax` or
 * nested deeper than `depthMax` is refused. Throws Refusal `invalidFilter`, of a path `invalidPath`.
 */
import { type ScimType, scimRefusal } from "../contracts/scim.ts";
import {
  type Attribute,
  type AttributePath,
  attributeOf,
  type ResourceType,
  resolvePath,
  valuePart,
} from "./attributes.ts";

export const filterCharsMax = 4_096;
export const depthMax = 50;

const comparisons = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] as const;
type Comparison = (typeof comparisons)[number];
type Value = string | number | boolean | null;

/** Paths begin at the resource, within `has` at one value of its attribute. */
export type Filter =
  | { readonly kind: "and" | "or"; readonly all: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | { readonly kind: "present"; readonly path: AttributePath }
  | { readonly kind: "compare"; readonly path: AttributePath; readonly by: Comparison; readonly value: Value }
  | { readonly kind: "has"; readonly path: AttributePath; readonly filter: Filter };

/** Of a patch: an attribute, which of its values, and which part of them. */
export interface PatchPath {
  readonly path: AttributePath;
  readonly filter?: Filter;
  readonly sub?: Attribute;
}

type Token = { readonly kind: "word" | "text" | "sign"; readonly text: string };

/** One alternative fits at each place, and none of them looks back. */
const token = /\s*(?:("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|([()[\]])|([^\s()[\]"]+))/guy;

/** Exported for the test that counts them. */
export function tokensOf(text: string, refuse: (why: string) => Error): Token[] {
  if (text.length > filterCharsMax) throw refuse(`it has more than ${filterCharsMax} characters`);
  const matches = [...text.trimEnd().matchAll(token)];
  const last = matches.at(-1);
  if (last === undefined || last.index + last[0].length < text.trimEnd().length)
    throw refuse("it is empty, or a quoted text does not end or holds what must be escaped");
  return matches.map(([, quoted, sign, word = ""]) => {
    if (quoted !== undefined) return { kind: "text", text: JSON.parse(quoted) as string };
    return sign === undefined ? { kind: "word", text: word } : { kind: "sign", text: sign };
  });
}

type Resolve = (name: string) => AttributePath | undefined;

class Parser {
  readonly #refuse: (why: string) => Error;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string, scimType: ScimType) {
    const what = scimType === "invalidPath" ? "path" : "filter";
    this.#refuse = (why) => scimRefusal(scimType, `Cannot read the ${what}: ${why}`);
    this.#tokens = tokensOf(text, this.#refuse);
  }

  filter(resolve: Resolve): Filter {
    return this.#ended(this.#or(resolve));
  }

  path(resolve: Resolve): PatchPath {
    const path = this.#path(resolve);
    if (!this.#takes("sign", "[")) return this.#ended({ path });
    const filter = this.#inBrackets(path);
    const word = this.#next();
    if (word === undefined) return { path, filter };
    return this.#ended({ path, filter, sub: this.#sub(path, word) });
  }

  #next(): Token | undefined {
    const next = this.#tokens[this.#at];
    this.#at += 1;
    return next;
  }

  #takes(kind: Token["kind"], text: string): boolean {
    const next = this.#tokens[this.#at];
    const fits = next?.kind === kind && next.text.toLowerCase() === text;
    if (fits) this.#at += 1;
    return fits;
  }

  #ended<T>(result: T): T {
    if (this.#at < this.#tokens.length) throw this.#refuse("something stands behind its end");
    return result;
  }

  #deeper<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > depthMax) throw this.#refuse(`it is nested deeper than ${depthMax}`);
    const result = read();
    this.#depth -= 1;
    return result;
  }

  #or(resolve: Resolve): Filter {
    return this.#chain("or", () => this.#chain("and", () => this.#term(resolve)));
  }

  #chain(kind: "and" | "or", read: () => Filter): Filter {
    const all = [read()];
    while (this.#takes("word", kind)) all.push(read());
    return all.length === 1 && all[0] !== undefined ? all[0] : { kind, all };
  }

  #term(resolve: Resolve): Filter {
    if (this.#takes("sign", "(")) return this.#closed(")", resolve);
    const next = this.#tokens[this.#at + 1];
    if (next?.kind === "sign" && next.text === "(" && this.#takes("word", "not")) {
      this.#at += 1;
      return { kind: "not", filter: this.#closed(")", resolve) };
    }
    const path = this.#path(resolve);
    if (!this.#takes("sign", "[")) return this.#condition(path);
    const filter = this.#inBrackets(path);
    const word = this.#tokens[this.#at];
    if (word?.kind !== "word" || !word.text.startsWith(".")) return { kind: "has", path, filter };
    this.#at += 1;
    return {
      kind: "has",
      path,
      filter: { kind: "and", all: [filter, this.#condition([this.#sub(path, word)])] },
    };
  }

  #closed(sign: ")" | "]", resolve: Resolve): Filter {
    return this.#deeper(() => {
      const filter = this.#or(resolve);
      if (!this.#takes("sign", sign)) throw this.#refuse(`a ${sign} is missing`);
      return filter;
    });
  }

  /** Of the values of one attribute; there are none within values. */
  #inBrackets(path: AttributePath): Filter {
    const { subAttributes, isExtension } = path.at(-1) as Attribute;
    if (subAttributes === undefined || isExtension) throw this.#refuse("what stands before [ has no parts");
    return this.#closed("]", (name) => {
      const sub = attributeOf(subAttributes, name);
      return sub === undefined || sub.subAttributes !== undefined ? undefined : [sub];
    });
  }

  #sub(path: AttributePath, word: Token): Attribute {
    const sub = word.text.startsWith(".")
      ? attributeOf(path.at(-1)?.subAttributes ?? [], word.text.slice(1))
      : undefined;
    if (word.kind !== "word" || sub === undefined) throw this.#refuse("what stands behind ] is unknown");
    return sub;
  }

  #path(resolve: Resolve): AttributePath {
    const word = this.#next();
    if (word?.kind !== "word") throw this.#refuse("the name of an attribute is missing");
    const path = resolve(word.text);
    if (path === undefined) throw this.#refuse("it names an unknown attribute");
    return path;
  }

  #condition(path: AttributePath): Filter {
    const word = this.#next();
    const by = word?.kind === "word" ? word.text.toLowerCase() : "";
    const attribute = path.at(-1) as Attribute;
    if (attribute.returned === "never") throw this.#refuse(`${attribute.name} can't be searched for`);
    if (by === "pr") return { kind: "present", path };
    if (!isComparison(by)) throw this.#refuse("an operator is missing");
    return this.#compare(path, by, this.#value());
  }

  #value(): Value {
    const next = this.#next();
    if (next?.kind === "text") return next.text;
    const text = next?.kind === "word" ? next.text : "";
    if (/^(?:true|false|null)$/.test(text) || /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text))
      return JSON.parse(text) as Value;
    throw this.#refuse("a value is missing, or is no JSON: texts stand in double quotes");
  }

  #compare(written: AttributePath, by: Comparison, value: Value): Filter {
    const last = written.at(-1) as Attribute;
    const inner = last.type === "complex" ? valuePart(last) : undefined;
    const path = inner === undefined ? written : [...written, inner];
    const { type, name } = path.at(-1) as Attribute;
    if (type === "complex") throw this.#refuse(`${name} has parts, of which one must be named`);
    const isEquality = by === "eq" || by === "ne";
    if (value === null) {
      if (!isEquality) throw this.#refuse("null can be compared by eq and ne alone");
      const present: Filter = { kind: "present", path };
      return by === "ne" ? present : { kind: "not", filter: present };
    }
    const coerced = type === "boolean" ? booleanOf(value) : value;
    const expected = type === "boolean" ? "boolean" : "string";
    if (typeof coerced !== expected) throw this.#refuse(`${name} must be compared with a ${expected}`);
    if ((type === "boolean" || type === "binary") && !isEquality)
      throw this.#refuse(`${name} can be compared by eq and ne alone`);
    if (type === "dateTime" && !/^(?:co|sw|ew)$/.test(by) && Number.isNaN(Date.parse(String(coerced))))
      throw this.#refuse(`${name} must be compared with a time`);
    return { kind: "compare", path, by, value: coerced as Value };
  }
}

const isComparison = (word: string): word is Comparison => (comparisons as readonly string[]).includes(word);

/** Entra ID writes booleans as text. */
export const booleanOf = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^(?:true|false)$/i.test(value)) return value;
  return value.toLowerCase() === "true";
};

const resolver =
  (type: ResourceType): Resolve =>
  (name) =>
    resolvePath(type, name);

export const parseFilter = (type: ResourceType, text: string): Filter =>
  new Parser(text, "invalidFilter").filter(resolver(type));

export const parsePath = (type: ResourceType, text: string): PatchPath =>
  new Parser(text, "invalidPath").path(resolver(type));
