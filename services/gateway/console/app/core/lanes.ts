/**
 * The life of an address as lanes: one for each owner, in the order in which they had it, and what they had when.
 *
 * Promise: a moment that is in no piece belongs to nobody; pieces of one lane never overlap; the window holds the time
 * that is asked about.
 */
import type { AddressHistoryEntry } from "../../../../contracts/look-up.ts";

export type PieceKind = "primary" | "secondary" | "deleted" | "quarantined";

export interface Piece {
  readonly kind: PieceKind;
  readonly fromMs: number;
  /** undefined: it goes on. */
  readonly untilMs: number | undefined;
  readonly version: number | null;
}

export interface Lane {
  /** null: somebody who was erased since. */
  readonly userId: string | null;
  readonly pieces: readonly Piece[];
}

/** Until when the owner of a deleted address may be restored with it; undefined: not known. */
export type RestorableUntil = (userId: string) => string | undefined;

function piecesOf(entry: AddressHistoryEntry, restorableUntil: RestorableUntil): Piece[] {
  const { userId, kind, status, from, until, version } = entry;
  const fromMs = Date.parse(from);
  const untilMs = until === null ? undefined : Date.parse(until);
  if (status === "active") return [{ kind: kind ?? "secondary", fromMs, untilMs, version }];
  const turn = userId === null ? undefined : restorableUntil(userId);
  const turnMs = turn === undefined ? undefined : Date.parse(turn);
  const isInside = turnMs !== undefined && turnMs > fromMs && (untilMs === undefined || turnMs < untilMs);
  if (!isInside) return [{ kind: "deleted", fromMs, untilMs, version }];
  return [
    { kind: "deleted", fromMs, untilMs: turnMs, version },
    { kind: "quarantined", fromMs: turnMs, untilMs, version },
  ];
}

export function lanesOf(
  entries: readonly AddressHistoryEntry[],
  restorableUntil: RestorableUntil = () => undefined,
): Lane[] {
  const inOrder = [...entries].sort((one, other) => Date.parse(one.from) - Date.parse(other.from));
  const byOwner = Map.groupBy(inOrder, ({ userId }) => userId);
  return [...byOwner].map(([userId, own]) => ({
    userId,
    pieces: own.flatMap((entry) => piecesOf(entry, restorableUntil)),
  }));
}

export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const edgeShare = 0.04;

/** From the first piece to now, the time that is asked about, or the end of a term, with a little room. */
export function windowOf(lanes: readonly Lane[], nowMs: number, atMs: number | undefined): Span {
  const pieces = lanes.flatMap((lane) => lane.pieces);
  const ends = pieces.flatMap(({ untilMs }) => untilMs ?? []);
  const asked = atMs === undefined ? [] : [atMs];
  const fromMs = Math.min(...pieces.map((piece) => piece.fromMs), ...asked, nowMs - minuteMs);
  const untilMs = Math.max(nowMs, ...ends, ...asked);
  const edgeMs = (untilMs - fromMs) * edgeShare;
  return { fromMs: fromMs - edgeMs, untilMs: untilMs + edgeMs };
}

/** Where a moment stands in a window, in percent of its width. */
export function placeIn({ fromMs, untilMs }: Span, ms: number): number {
  const share = (ms - fromMs) / (untilMs - fromMs);
  return Math.round(Math.min(1, Math.max(0, share)) * 10_000) / 100;
}

export interface Bar {
  readonly kind: PieceKind;
  readonly x: number;
  readonly width: number;
  readonly goesOn: boolean;
}

const widthMin = 0.6;

/** A piece of a moment is still seen, and one that goes on ends now. */
export function barOf(piece: Piece, span: Span, nowMs = span.untilMs): Bar {
  const x = placeIn(span, piece.fromMs);
  const end = placeIn(span, piece.untilMs ?? nowMs);
  return { kind: piece.kind, x, width: Math.max(widthMin, end - x), goesOn: piece.untilMs === undefined };
}

/** What an owner had at a moment. */
export const pieceAt = (lane: Lane, ms: number): Piece | undefined =>
  lane.pieces.find(({ fromMs, untilMs }) => fromMs <= ms && (untilMs === undefined || ms < untilMs));

const ticksMax = 6;
const stepsMs = [
  ...[1, 5, 15, 30].map((minutes) => minutes * minuteMs),
  ...[1, 3, 6, 12].map((hours) => hours * hourMs),
  ...[1, 2, 7, 14, 30, 91, 182, 365, 730, 1_825, 3_650].map((days) => days * 24 * hourMs),
];

export interface Tick {
  readonly ms: number;
  readonly x: number;
}

/** At most six, evenly apart. */
export function ticksOf(span: Span): Tick[] {
  const step =
    stepsMs.find((each) => (span.untilMs - span.fromMs) / each <= ticksMax) ?? stepsMs.at(-1) ?? hourMs;
  const ticks: Tick[] = [];
  for (
    let ms = Math.ceil(span.fromMs / step) * step;
    ms < span.untilMs && ticks.length < ticksMax;
    ms += step
  )
    ticks.push({ ms, x: placeIn(span, ms) });
  return ticks;
}
