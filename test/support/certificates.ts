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
  remove(): void;
}

/** `names` are the server's, as `subjectAltName` has them. Rejects when there is no `openssl`. */
export async function certificates(names: string): Promise<Certificates> {
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
  await request("server", "server of a test", ["-out", file("server.csr")]);
  writeFileSync(file("extensions"), `subjectAltName=${names}\n`);
  await run(openssl, [
    ...["x509", "-req", "-in", file("server.csr"), "-days", "2", "-out", file("server.pem")],
    ...["-CA", file("authority.pem"), "-CAkey", file("authority.key"), "-CAcreateserial"],
    ...["-extfile", file("extensions")],
  ]);
  return {
    authority: file("authority.pem"),
    stranger: file("stranger.pem"),
    certificate: file("server.pem"),
    key: file("server.key"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
