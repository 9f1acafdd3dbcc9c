/** Both ends of a mail server in tests: a client that speaks SMTP line by line, and a mailbox that takes LMTP. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { bounded } from "./eventually.ts";

/** The last line of each reply: its code, and what stands behind it. */
export interface SmtpClient {
  /** Sends the command, and resolves with its reply: `250 2.1.5 Ok`. */
  say(command: string): Promise<string>;
  /** What a server says to RCPT for that address, in a transaction of its own. */
  rcpt(address: string, from?: string): Promise<string>;
  /** Sends a letter; resolves with the reply to its end. */
  send(from: string, to: string): Promise<string>;
  end(): Promise<void>;
}

const lastOf = /^\d{3}( |$)/;
/** Longer than a server waits for whom it asks. */
const replyMaxMs = 120_000;

/** Resolves after the greeting and EHLO. */
export async function smtpClient(port: number): Promise<SmtpClient> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // shows as the end of the lines
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async (): Promise<string> => {
    for (;;) {
      const { value, done } = await bounded(lines.next(), replyMaxMs, () => "The server does not answer");
      if (done) throw new Error("The server has closed the connection");
      if (lastOf.test(value)) return value;
    }
  };
  const say = (command: string): Promise<string> => {
    socket.write(`${command}\r\n`);
    return reply();
  };
  const mail = (from: string) => say(`MAIL FROM:<${from}> SMTPUTF8`);
  await reply();
  await say("EHLO client.example");
  return {
    say,
    async rcpt(address, from = "") {
      await say("RSET");
      await mail(from);
      return say(`RCPT TO:<${address}>`);
    },
    async send(from, to) {
      await say("RSET");
      await mail(from);
      await say(`RCPT TO:<${to}>`);
      await say("DATA");
      return say("Subject: test\r\n\r\nhello\r\n.");
    },
    async end() {
      if (socket.destroyed) return;
      // A server that resets what it is told goodbye on has closed it, too (`once` would reject).
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end("QUIT\r\n");
      await closed;
    },
  };
}

/** Listens on a free port of loopback, and ends with its connections. */
async function listener(serve: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // the other side's matter
    socket.on("close", () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** What Postfix asks of Dovecot before it offers AUTH (its protocol 1.1); whoever gives a name and any password has it. */
export const authSink = () =>
  listener((socket) => {
    socket.write("VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t1\nDONE\n");
    createInterface({ input: socket }).on("line", (line) => {
      const [, id, given] = /^AUTH\t(\d+)\tPLAIN\t.*\bresp=(\S+)/.exec(line) ?? [];
      if (id === undefined || given === undefined) return;
      const [, user] = Buffer.from(given, "base64").toString().split("\0");
      socket.write(`OK\t${id}\tuser=${user}\n`);
    });
  });

export interface LmtpSink {
  readonly port: number;
  /** The recipients of each letter that it has taken, as they stood in its envelope. */
  readonly recipients: readonly string[];
  close(): Promise<void>;
}

function takeLetters(socket: Socket, recipients: string[]): void {
  let envelope: string[] = [];
  let isData = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  say("220 sink LMTP");
  createInterface({ input: socket }).on("line", (line) => {
    if (isData) {
      if (line !== ".") return;
      isData = false;
      recipients.push(...envelope);
      for (const _ of envelope) say("250 2.0.0 kept");
      envelope = [];
      return;
    }
    const [verb = ""] = line.toUpperCase().split(" ");
    if (verb === "LHLO") say("250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8");
    else if (verb === "RCPT") {
      envelope.push(/<(.*?)>/.exec(line)?.[1] ?? "");
      say("250 2.1.5 ok");
    } else if (verb === "DATA") {
      isData = true;
      say("354 go on");
    } else if (verb === "QUIT") socket.end("221 2.0.0 bye\r\n");
    else say("250 2.0.0 ok");
  });
}

/** What Dovecot is to Postfix, as far as an envelope goes (RFC 2033). */
export async function lmtpSink(): Promise<LmtpSink> {
  const recipients: string[] = [];
  return { ...(await listener((socket) => takeLetters(socket, recipients))), recipients };
}
