/** A process that logs once it is told to, and ends: in order, or `at-once`. */
import { once } from "node:events";
import { endLog, rootLogger } from "../../mixins/log/logging.ts";

const log = rootLogger({ logLevel: "info", logFormat: "json", logPii: false, nodeId: "last-lines" });
await once(process.stdin, "data");
for (const word of ["one", "two", "three"]) log.info(word);
if (process.argv[2] !== "at-once") await endLog(log);
process.exit(0);
