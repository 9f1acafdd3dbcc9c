/** `npm run metrics-page`: writes docs/metrics.md anew; `npm run check` fails as long as it differs. */
import { writeFileSync } from "node:fs";
import { commandLine } from "../services/runtime/command-line.ts";
import { metricsPage, metricsPagePath } from "./support/gate/metrics-page.ts";

commandLine({ name: "metrics-page", says: "Writes docs/metrics.md anew from the metrics of the code." });
writeFileSync(metricsPagePath, metricsPage());
