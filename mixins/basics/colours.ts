/** Whether a stream gets colours: a terminal of more than two, unless `NO_COLOR` or `FORCE_COLOR` say otherwise. */
import { styleText } from "node:util";

export const hasColours = (stream: NodeJS.WritableStream): boolean =>
  styleText("red", "x", { stream }) !== "x";
