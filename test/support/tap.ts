/**
 * Counts and shows the results of a program that writes TAP 13 or 14. What is skipped counts as failed, because
 * nothing is skipped silently here, and so does a program that ends badly without having told of a failure.
 */

export interface Counts {
  passed: number;
  failed: number;
}

const resultLine = /^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$/;
const skipped = /#\s*(?:skip|todo)\b/i;
const detailLinesMax = 60;

export interface TapOptions {
  /** Show every passed test, not only the failed ones. */
  readonly verbose: boolean;
  readonly print: (line: string) => void;
}

/** Takes lines one by one; `end` gives the counts. */
export function tapReader({ verbose, print }: TapOptions) {
  const counts: Counts = { passed: 0, failed: 0 };
  const files = new Set<string>();
  const failedFiles = new Set<string>();
  let detailLines = 0;
  let inDetails = false;
  return {
    /** What there is so far; of several files each has its name in front of its titles. */
    progress: () => ({ ...counts, files: files.size }),
    /** Where tests have failed, as they stand in front of the titles. */
    failedFiles: (): readonly string[] => [...failedFiles],
    line(text: string): void {
      const result = resultLine.exec(text);
      if (result !== null) {
        const [, verdict, title = ""] = result;
        const [file = ""] = title.split(" › ");
        files.add(file);
        const isPassed = verdict === "ok" && !skipped.test(title);
        if (!isPassed) failedFiles.add(file);
        inDetails = !isPassed;
        detailLines = 0;
        if (isPassed) counts.passed += 1;
        else counts.failed += 1;
        if (!isPassed || verbose) print(`  ${isPassed ? "✔" : "✘"} ${title}`);
        return;
      }
      const isNoise = /^(TAP version|\d+\.\.\d+|#|\s*---|\s*\.\.\.)/.test(text) || text.trim() === "";
      if (inDetails && !isNoise && detailLines < detailLinesMax) {
        detailLines += 1;
        print(`    ${text}`);
      }
    },
    /** `code` is the program's exit code, null when it was killed or could not be started. */
    end(code: number | null): Counts {
      if (code !== 0 && counts.failed === 0) {
        print(`  ✘ it ended with ${code === null ? "a signal" : `code ${code}`}`);
        counts.failed += 1;
      } else if (counts.passed + counts.failed === 0) {
        print("  ✘ it ran no test");
        counts.failed += 1;
      }
      return counts;
    },
  };
}
