/** `npm run model`: writes the counterexamples into docs/model/README.md anew; `npm run check` fails as long as they differ. */
import { readFileSync, writeFileSync } from "node:fs";
import { commandLine } from "../services/runtime/command-line.ts";
import { counterexamples, modelPagePath, shownAs } from "./support/gate/model.ts";

const heading = "## Counterexamples";

commandLine({
  name: "model",
  says: "Writes the counterexamples of docs/model/README.md anew from the models.",
});
const [before = ""] = readFileSync(modelPagePath, "utf8").split(`\n${heading}\n`);
const shown = (await counterexamples()).map(shownAs).join("\n\n");
const intro =
  "The shortest for each mutation, as `spin` replays it; written by `npm run model`, compared by `npm run check`. Address 0 is none.";
writeFileSync(modelPagePath, `${before}\n${heading}\n\n${intro}\n\n${shown}\n`);
