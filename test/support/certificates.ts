/** Certificates for a server of a test's own, made by the program `openssl`. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./provision/command.ts";

const run = promisify(execFile);

export interface Certificates {
  /** Of whoever has signed the server's. */
  readonly authority: string;
  /** Of somebody else. */
  readonly stranger: string;
  readonly certificate: string;
  readonly key: string;
  /** Of one of `clients`: it is its common name. */
  client(name: string): { readonly certificate: string; readonly key: string };
  /** A file beside them. */
  text(name: string, content: string): string;
  remove(): void;
}

/**
 * `names` are the server's, as `subjectAltName` has them; each of `clients` gets a certificate of the same authority.
 * Rejects when there is no `openssl`.
 */
export async function certificates(names: string, clients: readonly string[] = []): Promise<Certificates> {
  const openssl = findProgram("openssl", []);
  if (openssl === undefined)
    throw new Error("Cannot make a certificate: the program openssl is not on the PATH");
  const folder = mkdtempSync(join(tmpdir(), "mailroster-tls-"));
  const file = (name: string): string => join(folder, name);
  const request = (name: string, subject: string, more: readonly string[]) =>
    run(openssl, [
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${subject}`],
      ...["-keyout", file(`${name}.key`), ...more],
    ]);
  for (const name of ["authority", "stranger"])
    await request(name, `${name} of a test`, ["-x509", "-days", "2", "-out", file(`${name}.pem`)]);
  const sign = async (name: string, subject: string, more: readonly string[]): Promise<void> => {
    await request(name, subject, ["-out", file(`${name}.csr`)]);
    await run(openssl, [
      ...["x509", "-req", "-in", file(`${name}.csr`), "-days", "2", "-out", file(`${name}.pem`)],
      ...["-CA", file("authority.pem"), "-CAkey", file("authority.key"), "-CAcreateserial", ...more],
    ]);
  };
  const text = (name: string, content: string): string => {
    writeFileSync(file(name), content);
    return file(name);
  };
  const extensions = text("extensions", `subjectAltName=${names}\n`);
  await sign("server", "server of a test", ["-extfile", extensions]);
  for (const name of clients) await sign(`client-${name}`, name, []);
  return {
    authority: file("authority.pem"),
    stranger: file("stranger.pem"),
    certificate: file("server.pem"),
    key: file("server.key"),
    client: (name) => ({ certificate: file(`client-${name}.pem`), key: file(`client-${name}.key`) }),
    text,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
