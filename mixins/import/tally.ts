/** How many rows had which outcome, in the order of the contract. */
import { checkOutcomes } from "../../services/contracts/check-outcomes.ts";
import type { RowResult } from "./run.ts";

export function importTally() {
  const counts = { created: 0, changed: 0, unchanged: 0, suffixed: 0, refused: 0 };
  let passedOver = 0;
  return {
    counts,
    get passedOver() {
      return passedOver;
    },
    get rows() {
      return checkOutcomes.reduce((sum, outcome) => sum + counts[outcome], 0);
    },
    add({ outcome }: RowResult): void {
      if (outcome === "passed over") passedOver += 1;
      else counts[outcome] += 1;
    },
  };
}
