/** spin, which makes a verifier of a model, and the C compiler that it needs: installed ones, or the distribution's packages, unpacked. */
import { join } from "node:path";
import { findProgram, runProgram } from "./command.ts";
import { unpackedPackage } from "./packages.ts";

export interface SpinTools {
  readonly spin: string;
  readonly cc: string;
  /** Before all others. */
  readonly ccArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Of gcc's dependencies what is not a library that has to be installed. */
const gccFamily = /^(gcc|cpp|binutils|libgcc-\d+-dev$)/;

const advice = (what: string, why: string): Error => new Error(`install ${what} (${why})`);

async function spinProgram(): Promise<string> {
  const installed = findProgram("spin");
  if (installed !== undefined) return installed;
  try {
    return join(await unpackedPackage("spin"), "usr/bin/spin");
  } catch (error) {
    throw advice("spin", (error as Error).message);
  }
}

/** gcc finds its parts beside itself, and headers below its root; linked statically, so that the library is found there, too. */
async function unpackedCompiler(): Promise<Omit<SpinTools, "spin">> {
  const folder = await unpackedPackage("gcc", gccFamily);
  const root = await unpackedPackage("libc6-dev", /^linux-libc-dev$/);
  const bin = join(folder, "usr/bin");
  const cc = join(bin, "gcc");
  const machine = (await runProgram(cc, ["-dumpmachine"])).stdout.trim();
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    LD_LIBRARY_PATH: join(folder, "usr/lib", machine),
  };
  return { cc, ccArgs: [`--sysroot=${root}`, "-static"], env };
}

/** Rejects with what to install. */
export async function findSpin(): Promise<SpinTools> {
  const spin = await spinProgram();
  const cc = findProgram("gcc") ?? findProgram("cc") ?? findProgram("clang");
  if (cc !== undefined) return { spin, cc, ccArgs: [], env: process.env };
  try {
    return { spin, ...(await unpackedCompiler()) };
  } catch (error) {
    throw advice("a C compiler", (error as Error).message);
  }
}
