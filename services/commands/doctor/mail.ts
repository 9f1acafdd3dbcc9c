/** Asks as a mail server does, where mail servers are to be answered. */
import { once } from "node:events";
import { connect } from "node:net";
import { within } from "../../../mixins/basics/pause.ts";
import { Netstrings, netstring } from "../../../mixins/socketmap/netstrings.ts";
import type { Config } from "../../config/index.ts";
import { reachableAuthority } from "../../contracts/host.ts";
import { reasonOf } from "../../runtime/reasons.ts";
import { type Finding, ok, problem } from "./findings.ts";

const part = "mail look-ups";
/** The process itself answers within 1.5 s. */
const answerMsMax = 3_000;
/** RFC 2606 §2: nobody ever has an address there. The database is asked all the same. */
const question = "domains doctor.invalid";

/** Rejects when nobody answers. */
async function ask(authority: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${authority}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
  const frames = new Netstrings();
  try {
    await once(socket, "connect");
    socket.write(netstring(question));
    for await (const chunk of socket) {
      frames.add(chunk as Buffer);
      const frame = frames.next();
      if (frame !== undefined) return frame.text ?? "";
    }
    throw new Error("The connection was closed without an answer");
  } finally {
    socket.destroy();
  }
}

/** Nothing of a process that mail servers do not ask. Never rejects. */
export async function examineMail({
  socketmapHost,
  socketmapPort,
}: Pick<Config, "socketmapHost" | "socketmapPort">): Promise<Finding[]> {
  if (socketmapPort === undefined || socketmapPort === 0) return [];
  const authority = reachableAuthority(socketmapHost, socketmapPort);
  const at = `socketmap at ${authority}`;
  try {
    const answer = await within(answerMsMax, "no answer in time", ask(authority));
    if (answer === "NOTFOUND ") return [ok(part, `${at} answers`)];
    return [
      problem(
        part,
        `${at} says ${answer.slice(0, 200)}`,
        "mail waits: see the lines of service mail-lookup",
        ["system", "registry database", "registry migrations"],
      ),
    ];
  } catch (error) {
    return [
      problem(
        part,
        `${at} ${reasonOf(error)}`,
        "start a process that hosts mail-lookup with SOCKETMAP_PORT, and see that SOCKETMAP_ALLOW lets this machine in",
        ["system"],
      ),
    ];
  }
}
