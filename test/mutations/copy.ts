/** A copy of the working tree in which code may be broken; node_modules is hard-linked, file by file. */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";

/** In the repository's own ignored folder, because hard links do not reach into another file system. */
const parentFolder = ".data";
const leftOut = new Set([".git", parentFolder, "coverage"]);

function place(from: string, to: string, linked: boolean): void {
  if (linked)
    try {
      linkSync(from, to);
      return;
    } catch {
      // another file system after all
    }
  copyFileSync(from, to);
}

function copyFolder(from: string, to: string, linked: boolean): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (leftOut.has(entry.name) && !linked) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (entry.isDirectory()) copyFolder(source, target, linked || entry.name === "node_modules");
    else if (entry.isFile()) place(source, target, linked);
  }
}

/** The folder of the copy; whoever asks for it removes it. */
export function copyTree(root: string): string {
  mkdirSync(join(root, parentFolder), { recursive: true });
  const copy = mkdtempSync(join(root, parentFolder, "mutations-"));
  copyFolder(root, copy, false);
  return copy;
}
