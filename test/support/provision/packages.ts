/**
 * Packages of Debian or Ubuntu, unpacked and not installed: that needs no root, starts no service and leaves the
 * machine as it is. They are kept in the user's cache, so that only the first run fetches them.
 */
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { findProgram, runProgram } from "./command.ts";

const fetchTimeoutMs = 10 * 60_000;

/** apt-get holds a lock over its lists, and npm and apt-get share a network. */
let turn: Promise<unknown> = Promise.resolve();
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work);
  turn = result.catch(() => {});
  return result;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, { timeoutMs: fetchTimeoutMs, cwd });
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `${basename(program)} failed`);
  return stdout;
}

/** Of another release the libraries would be others. */
function release(): string {
  const text = readFileSync("/etc/os-release", "utf8");
  const value = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(text)?.[1] ?? "";
  return `${value("ID")}-${value("VERSION_ID")}-${process.arch}`;
}

/** What the package needs of its own family, and the libraries that are not installed. */
async function familyOf(
  name: string,
  family: RegExp,
  apt: readonly string[],
  cwd: string,
): Promise<string[]> {
  const kinds = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
  const depends = [...apt, "depends", "--recurse", ...kinds.map((kind) => `--no-${kind}`), name];
  const members = (await run("apt-cache", depends, cwd)).split("\n").filter((line) => family.test(line));
  const install = [...apt, "install", "--simulate", "--no-install-recommends", name];
  const simulated = await run("apt-get", install, cwd);
  const libraries = [...simulated.matchAll(/^Inst (lib\S+) \(/gm)].map(([, library]) => library ?? "");
  return [...members, ...libraries];
}

/** The options of apt for lists of one's own: those of the system only root may fetch, and a container has none. */
async function ownLists(folder: string, sources: readonly string[] = []): Promise<string[]> {
  const [lists, cache] = [join(folder, "lists"), join(folder, "archives")];
  for (const path of [lists, cache]) mkdirSync(join(path, "partial"), { recursive: true });
  const apt = [...sources, "-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
  await run("apt-get", [...apt, "update"], folder);
  return apt;
}

/** A folder of that name in the user's cache, filled once: a run that fails or is stopped leaves none. */
export function keptFolder(name: string, fill: (folder: string) => Promise<unknown>): Promise<string> {
  return inTurn(async () => {
    const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mailroster");
    const folder = join(cache, name);
    if (existsSync(folder)) return folder;
    mkdirSync(cache, { recursive: true });
    const unfinished = mkdtempSync(join(cache, `${name}-`));
    try {
      await fill(unfinished);
      renameSync(unfinished, folder);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      // Another run was quicker.
      if (!existsSync(folder)) throw error;
    }
    return folder;
  });
}

/** Packages, unpacked: `download` leaves the archives in the folder that it is given. */
function kept(name: string, download: (folder: string) => Promise<unknown>): Promise<string> {
  return keptFolder(name, async (folder) => {
    for (const program of ["apt-get", "apt-cache", "dpkg-deb"])
      if (findProgram(program) === undefined) throw new Error("only on Debian or Ubuntu");
    await download(folder);
    for (const archive of globSync("*.deb", { cwd: folder })) {
      await run("dpkg-deb", ["-x", archive, "."], folder);
      rmSync(join(folder, archive));
    }
    rmSync(join(folder, "apt"), { recursive: true, force: true });
  });
}

/** Fetches and unpacks the package and what `family` matches of its dependencies; resolves with the folder. */
export function unpackedPackage(name: string, family?: RegExp): Promise<string> {
  return kept(`${name}-${release()}`, async (folder) => {
    const download = async (apt: readonly string[]): Promise<unknown> => {
      const others = family === undefined ? [] : await familyOf(name, family, apt, folder);
      return run("apt-get", [...apt, "download", ...new Set([name, ...others])], folder);
    };
    await download([]).catch(async () => download(await ownLists(join(folder, "apt"))));
  });
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Packages of another release of Debian, from the archive that this machine's own come from; its lists of sources are
 * not touched. With the libraries comes their own C library, so a program is started by the loader in the folder.
 */
export function packagesOfRelease(codename: string, names: readonly string[]): Promise<string> {
  return kept(`${names[0]}-${codename}-${process.arch}`, async (folder) => {
    if (!existsSync(keyring)) throw new Error("only on Debian");
    const targets = [
      "indextargets",
      "--format",
      "$(ORIGIN) $(COMPONENT) $(REPO_URI)",
      "Created-By: Packages",
    ];
    const found = /^Debian main (\S+)/m.exec(await run("apt-get", targets, folder));
    if (found === null) throw new Error("apt has no lists of Debian's packages");
    const sources = join(folder, "apt", "sources.list");
    mkdirSync(join(folder, "apt"));
    writeFileSync(sources, `deb [signed-by=${keyring}] ${found[1]} ${codename} main\n`);
    const only = ["-o", `Dir::Etc::SourceList=${sources}`, "-o", "Dir::Etc::SourceParts=/dev/null"];
    const apt = await ownLists(join(folder, "apt"), only);
    await run("apt-get", [...apt, "download", ...names], folder);
  });
}
