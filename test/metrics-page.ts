/** `npm run metrics-page`: writes docs/metrics.md anew; `npm run check` fails as long as it differs. */
import { writeFileSync } from "node:fs";
import { metricsPage, metricsPagePath } from "./support/gate/metrics-page.ts";

writeFileSync(metricsPagePath, metricsPage());
