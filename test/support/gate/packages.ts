/** Rules about package.json, its lock and docs/dependencies.md, as pure functions; every finding is one line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./run-tool.ts";

type Versions = Record<string, string>;

export interface Manifest {
  readonly dependencies?: Versions;
  readonly optionalDependencies?: Versions;
  readonly devDependencies?: Versions;
  readonly overrides?: Versions;
  readonly allowScripts?: Record<string, boolean>;
}

interface LockedPackage {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Versions;
}

export interface Lock {
  readonly packages: Record<string, LockedPackage>;
}

const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

const declared = (manifest: Manifest): Versions => ({
  ...manifest.dependencies,
  ...manifest.optionalDependencies,
  ...manifest.devDependencies,
});

export function manifestFaults(manifest: Manifest): string[] {
  return Object.entries({ ...declared(manifest), ...manifest.overrides })
    .filter(([, version]) => !exact.test(version))
    .map(([name, version]) => `inexact-version: ${name} ${version}`);
}

const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** The lock must install anywhere: `npm ci` refuses one that leaves out another platform's packages. */
export function lockFaults(lock: Lock, manifest: Manifest): string[] {
  const packages = Object.entries(lock.packages);
  const has = (name: string, within: string): boolean =>
    `${within}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages;
  return [
    ...packages
      .filter(([, { resolved }]) => resolved !== undefined)
      .map(([path]) => `resolved-url: ${path} names a registry's host`),
    ...packages.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !has(name, path))
        .map((name) => `incomplete-lock: ${name} of ${path || "package.json"} is missing`),
    ),
    ...packages
      .filter(
        ([path, { hasInstallScript }]) =>
          hasInstallScript && manifest.allowScripts?.[nameOf(path)] === undefined,
      )
      .map(([path]) => `unreviewed-script: ${nameOf(path)} (allow or deny it in allowScripts)`),
    ...Object.keys(manifest.allowScripts ?? {})
      .filter((name) => !packages.some(([path, entry]) => entry.hasInstallScript && nameOf(path) === name))
      .map((name) => `stale-script-rule: ${name} has no install script`),
  ];
}

/** A dependency is a line of a table that begins with its name in backticks. */
export function documentationFaults(manifest: Manifest, page: string): string[] {
  const rows = [...page.matchAll(/^\|\s*`([^`]+)`\s*\|(.*)\|\s*$/gm)];
  const documented = rows.map(([, name]) => name ?? "");
  const wanted = Object.keys(declared(manifest));
  return [
    ...wanted.filter((name) => !documented.includes(name)).map((name) => `undocumented: ${name}`),
    ...documented.filter((name) => !wanted.includes(name)).map((name) => `documented-but-gone: ${name}`),
    ...documented
      .filter((name, index) => documented.indexOf(name) !== index)
      .map((name) => `documented-twice: ${name}`),
    ...rows
      .filter(([, , cells = ""]) => cells.split("|").some((cell) => cell.trim() === ""))
      .map(([, name]) => `empty-cell: ${name}`),
  ];
}

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

/** All findings of this repository. */
export function packageFaults(): string[] {
  const manifest = JSON.parse(read("package.json")) as Manifest;
  return [
    ...manifestFaults(manifest),
    ...lockFaults(JSON.parse(read("package-lock.json")) as Lock, manifest),
    ...documentationFaults(manifest, read("docs/dependencies.md")),
  ];
}
