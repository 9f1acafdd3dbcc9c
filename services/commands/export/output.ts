/** Where an export goes: to stdout as fast as it is read there, or to a file that is there whole or not at all. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StartError } from "../../contracts/exits.ts";

/** Text is gathered until it is as long: a write for each line costs more than the line. */
const chunkCharsMin = 65_536;

async function* chunksOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = "";
  for await (const line of lines) {
    chunk += line;
    if (chunk.length < chunkCharsMin) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

const isFault = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && "path" in error;

/** `file` undefined: stdout. Rejects with StartError when the file can't be written, else as `lines` does. */
export async function writeOut(file: string | undefined, lines: AsyncIterable<string>): Promise<void> {
  const chunks = Readable.from(chunksOf(lines));
  if (file === undefined) return pipeline(chunks, process.stdout, { end: false });
  const draft = `${file}.part`;
  try {
    await pipeline(chunks, createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    if (isFault(error)) throw new StartError(`Cannot write ${file}: ${error.code}`, { cause: error });
    throw error;
  }
}
