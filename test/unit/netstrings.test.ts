import test from "ava";
import fc from "fast-check";
import {
  answeredBytesMax,
  type Frame,
  FramingError,
  Netstrings,
  netstring,
} from "../../mixins/socketmap/netstrings.ts";

function framesIn(pieces: readonly Buffer[]): Frame[] {
  const netstrings = new Netstrings();
  const frames: Frame[] = [];
  for (const piece of pieces) {
    netstrings.add(piece);
    for (let frame = netstrings.next(); frame !== undefined; frame = netstrings.next()) frames.push(frame);
  }
  return [...frames, ...(netstrings.isMidway ? [{ text: "midway" }] : [])];
}

/** Cut after these numbers of bytes, over and over. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const long = "a".repeat(answeredBytesMax + 1);

test("netstrings come out as they went in, wherever the stream is cut", (t) => {
  const texts = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constant(long)), { maxLength: 4 });
  fc.assert(
    fc.property(
      texts,
      fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 8 }),
      (all, sizes) => {
        const frames = framesIn(cut(Buffer.from(all.map(netstring).join("")), sizes));
        t.deepEqual(
          frames,
          all.map((text) => ({ text: text === long ? undefined : text })),
        );
      },
    ),
  );
  const two = Buffer.from(netstring("mailboxes straße@example.com") + netstring(""));
  for (let at = 1; at < two.length; at += 1)
    t.is(framesIn([two.subarray(0, at), two.subarray(at)]).length, 2, `cut at ${at}`);
});

test("a stream of any bytes gives frames or a FramingError, the same wherever it is cut", (t) => {
  const outcome = (pieces: readonly Buffer[]): unknown => {
    try {
      return framesIn(pieces);
    } catch (error) {
      t.true(error instanceof FramingError);
      return "nonsense";
    }
  };
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.stringMatching(/^[0-9:,a]{0,40}$/).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, (stream) => {
      const whole = Buffer.from(stream);
      t.deepEqual(outcome([whole]), outcome(cut(whole, [1])));
    }),
  );
});
