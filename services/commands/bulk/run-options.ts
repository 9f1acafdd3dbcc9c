/** What the runs of all bulk changes have in common. */
export interface RunOptions {
  /** The correlation id of all that is asked, and what keys begin with. */
  readonly run: string;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** A few more than are under way, so that an answer never finds nothing to ask next (http-client.ts). */
export const atOnceMax = 40;

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
/** Before the first write, so that whoever kills the run has it. */
export const tellRun = (run: string): void => void process.stderr.write(`Correlation id ${run}\n`);
