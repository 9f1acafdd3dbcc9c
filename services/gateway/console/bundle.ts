/**
 * The console's program as browsers take it: its TypeScript without the types, its modules and those of its packages under
 * names that change with what is in them. No build step, and nothing on disk: each process makes it once (site.ts).
 *
 * Promise: a name stands for one content for ever, so it may be kept for ever; what a module imports is there or nothing
 * is, and the error names what is missing. The same files give the same names on every process and runtime.
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export interface BundleFile {
  readonly contentType: string;
  readonly content: Buffer;
}

export interface Bundle {
  /** By name, as it stands after `assets/`. */
  readonly files: ReadonlyMap<string, BundleFile>;
  /**
   * Names of modules that run before anything is shown, each imported by one before it; the first is the program's
   * entry. What one of them imports when it comes to that (`import()`) is not among them.
   */
  readonly modules: readonly string[];
  readonly styles: readonly string[];
  readonly icon: string | undefined;
}

export const appFolder = join(dirname(fileURLToPath(import.meta.url)), "app");
const entry = "main.ts";
const hashChars = 16;
const contentTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

const requireFrom = createRequire(import.meta.url);

/** The folder of a package: its modules are taken as they are, by the files that it offers to browsers. */
const packageFile = (name: string, path: string): string =>
  join(dirname(requireFrom.resolve(`${name}/package.json`)), path);
const packages: Readonly<Record<string, () => string>> = {
  preact: () => packageFile("preact", "dist/preact.mjs"),
  "preact/hooks": () => packageFile("preact", "hooks/dist/hooks.mjs"),
  htm: () => join(dirname(requireFrom.resolve("htm")), "htm.module.js"),
  "csv-parse": () => requireFrom.resolve("csv-parse/browser/esm"),
};

/** What of the repository a browser may have besides: code that asks for nothing but what browsers have as well. */
const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const appPath = "/services/gateway/console/app";
const shared: readonly string[] = [
  "/mixins/basics/pause.ts",
  "/mixins/http/patient-client.ts",
  "/mixins/import/",
  "/services/contracts/check-outcomes.ts",
  "/services/contracts/csv-cells.ts",
  "/services/contracts/exits.ts",
  "/services/contracts/headers.ts",
  "/services/contracts/local-key.ts",
  "/services/contracts/roles.ts",
];

interface Module {
  readonly code: string;
  /** Where an id of another stands in it. */
  readonly imports: readonly {
    readonly from: number;
    readonly to: number;
    readonly id: string;
    readonly isDynamic: boolean;
  }[];
}

/**
 * A module's id is its path below the folder, that of a shared one below the repository, with a slash in front; or the name of a
 * package. Throws.
 */
function idOf(specifier: string, importer: string): string {
  if (Object.hasOwn(packages, specifier)) return specifier;
  const from = importer.startsWith("/") ? importer : posix.join(appPath, importer);
  const path = posix.join(posix.dirname(from), specifier);
  const isOwn = path.startsWith(`${appPath}/`);
  if (
    !specifier.startsWith(".") ||
    !path.endsWith(".ts") ||
    !(isOwn || shared.some((each) => path.startsWith(each)))
  )
    throw new Error(
      `Cannot make the console: ${importer} imports ${specifier}, which is no file of it and no package that is served`,
    );
  return isOwn ? path.slice(appPath.length + 1) : path;
}

async function sourceOf(id: string, folder: string): Promise<string> {
  const ofPackage = packages[id]?.();
  // The maps of packages are not served, and a browser would ask for them.
  if (ofPackage !== undefined)
    return (await readFile(ofPackage, "utf8")).replace(/\/\/# sourceMappingURL=.*/, "");
  const source = await readFile(id.startsWith("/") ? join(repository, id) : join(folder, id), "utf8");
  // What Node itself strips with; it takes 40 MB, so not with the gateway's own modules.
  const { transformSync } = await import("amaro");
  return transformSync(source, { mode: "strip-only", filename: id }).code;
}

async function moduleOf(id: string, folder: string): Promise<Module> {
  const { init, parse } = await import("es-module-lexer");
  await init();
  const code = await sourceOf(id, folder);
  const [found] = parse(code, id);
  const imports = found.flatMap(({ specifier, start, end, type }) =>
    typeof specifier === "string"
      ? [{ from: start, to: end, id: idOf(specifier, id), isDynamic: type === "dynamic" }]
      : [],
  );
  return { code, imports };
}

/** Every module that the entry needs, each behind one that imports it. */
async function modulesOf(folder: string): Promise<Map<string, Module>> {
  const modules = new Map<string, Module>();
  const wanted = [entry];
  for (const id of wanted) {
    const module = await moduleOf(id, folder);
    modules.set(id, module);
    for (const { id: other } of module.imports) if (!wanted.includes(other)) wanted.push(other);
  }
  return modules;
}

/** Those without which the entry does not run. */
function firstOf(modules: ReadonlyMap<string, Module>): string[] {
  const first = [entry];
  for (const id of first)
    for (const { id: other, isDynamic } of modules.get(id)?.imports ?? [])
      if (!isDynamic && !first.includes(other)) first.push(other);
  return first;
}

const rewritten = ({ code, imports }: Module, nameOf: (id: string) => string): string => {
  let end = 0;
  const parts = imports.flatMap(({ from, to, id, isDynamic }) => {
    const name = isDynamic ? `"./${nameOf(id)}"` : `./${nameOf(id)}`;
    const part = [code.slice(end, from), name];
    end = to;
    return part;
  });
  return [...parts, code.slice(end)].join("");
};

/** Modules may import each other in a circle, so all have the hash of all. */
export async function makeBundle(folder: string = appFolder): Promise<Bundle> {
  const modules = await modulesOf(folder);
  const others = readdirSync(folder)
    .filter((name) => /\.(css|svg)$/.test(name))
    .toSorted();
  const contents = new Map(
    await Promise.all(others.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
  const hash = createHash("sha256");
  for (const [id, { code }] of modules) hash.update(`${id}\0${code}\0`);
  for (const [name, content] of contents) hash.update(`${name}\0`).update(content);
  const version = hash.digest("hex").slice(0, hashChars);
  const nameOf = (id: string): string => `${id.replace(/^\/|\.ts$/g, "").replaceAll("/", ".")}-${version}.js`;
  const fileNameOf = (name: string): string => name.replace(/\.(\w+)$/, `-${version}.$1`);
  const files = new Map<string, BundleFile>();
  const add = (name: string, content: Buffer): void => {
    files.set(name, { contentType: contentTypes[name.slice(name.lastIndexOf(".") + 1)] as string, content });
  };
  for (const [id, module] of modules) add(nameOf(id), Buffer.from(rewritten(module, nameOf)));
  for (const [name, content] of contents) add(fileNameOf(name), content);
  const named = (ending: string): string[] => others.filter((name) => name.endsWith(ending)).map(fileNameOf);
  return {
    files,
    modules: firstOf(modules).map(nameOf),
    styles: named(".css"),
    icon: named(".svg").find((name) => basename(name).startsWith("icon-")),
  };
}
