/**
 * `npm run bench [-- part …] [--rounds 5] [--seconds 5] [--out folder]`: what the system does in a second, beside a bare
 * reference and beside peers, in one run on servers of its own.
 */
import { parseArgs } from "node:util";
import { meets, type Part } from "./harness/part.ts";
import { startServers } from "./harness/servers.ts";
import { creates } from "./parts/creates.ts";
import { drains } from "./parts/drains.ts";
import { latency } from "./parts/latency.ts";
import { peersPart } from "./parts/peers.ts";
import { reads } from "./parts/reads.ts";

const parts: readonly Part[] = [creates, latency, reads, drains, peersPart];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, seconds: { type: "string" }, out: { type: "string" } },
});
const chosen = parts.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const servers = await startServers();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, async () => {
    print(`${name}: the servers stop`);
    await servers.stop();
    process.exit(130);
  });
try {
  for (const part of chosen) {
    print(part.title);
    const rows = await part.run({
      servers,
      rounds: Number(values.rounds ?? 5),
      seconds: Number(values.seconds ?? 5),
      progress: (text) => print(`  … ${text}`),
    });
    for (const { what, unit, sample, ratio, goal } of rows) {
      const of = ratio === undefined ? "" : `  ratio ${ratio.median.toFixed(2)}`;
      const met = goal === undefined || ratio === undefined ? "" : meets(ratio.median, goal) ? " ✔" : " ✘";
      print(
        `  ${what}: ${sample.median.toFixed(0)}${unit} ±${(sample.spread * 100).toFixed(0)} %${of}${met}`,
      );
    }
  }
} finally {
  await servers.stop();
}
