/**
 * Clients that take more than their share, in a process of their own: `KIND` of them at `URL`, until it is stopped. Prints
 * `ready 0` once all of them are at it.
 */
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const slowBodies = 1_000;
const searches = 40;
const scrapers = 50;
const againMs = 1_000;

const { KIND: kind = "", URL: url = "" } = process.env;
const { hostname, port } = new URL(url);
let begun = 0;

/**
 * Sends the head of a create and one byte of its body, and does so again about a second after it was cut off: each by its
 * own clock, as clients that do not know of each other.
 */
async function sendSlowly(): Promise<void> {
  await delay(againMs * Math.random());
  for (;;) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        begun += 1;
        if (begun === slowBodies) process.stdout.write("ready 0\n");
        socket.write(
          "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
        );
      });
      socket.on("error", () => {}); // shows as the end of the connection
      socket.on("end", () => socket.end());
      socket.resume();
      socket.once("close", () => resolve());
    });
    await delay(againMs * (0.5 + Math.random()));
  }
}

/** Asks again as soon as it is answered, whatever the answer is. */
async function ask(agent: Agent, path: string): Promise<void> {
  for (;;) {
    await new Promise<void>((resolve) => {
      get(`${url}${path}`, { agent }, (answer) => {
        answer.resume();
        answer.once("close", resolve);
      }).once("error", () => resolve());
    });
    begun += 1;
    if (begun === 1) process.stdout.write("ready 0\n");
  }
}

function askTogether(count: number, path: string): void {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  for (let n = 0; n < count; n += 1) void ask(agent, path);
}

if (kind === "slow bodies") for (let n = 0; n < slowBodies; n += 1) void sendSlowly();
else if (kind === "searches") askTogether(searches, "/users?q=zzzzqqq");
else askTogether(scrapers, "/metrics");
