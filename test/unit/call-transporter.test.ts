import test from "ava";
import { frameOf, packetsOf } from "../../mixins/moleculer/call-frames.ts";

const packet = (value: unknown) => Buffer.from(JSON.stringify(value));

test("a frame gives its packets back, in order and byte for byte", (t) => {
  const packets = [packet({ id: 1 }), packet({ text: "é".repeat(70_000) }), Buffer.alloc(0), packet([])];
  t.deepEqual(
    packetsOf(frameOf(packets)).map((each) => each.toString("utf8")),
    packets.map((each) => each.toString("utf8")),
  );
});

test("a message that is no frame is the one packet that Moleculer sent", (t) => {
  const alone = packet({ ver: "5", id: "x" });
  t.deepEqual(packetsOf(alone), [alone]);
});

test("a frame that is cut short is refused, wherever it is cut", (t) => {
  const whole = frameOf([packet({ id: 1 }), packet({ id: 2 })]);
  for (let length = 2; length < whole.length; length += 1) {
    const cut = whole.subarray(0, length);
    const endsWithAPacket = length === 1 + 4 + packet({ id: 1 }).length;
    if (endsWithAPacket) t.is(packetsOf(cut).length, 1);
    else t.throws(() => packetsOf(cut), { instanceOf: RangeError }, `${length} bytes`);
  }
});
