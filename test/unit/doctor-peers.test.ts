import test from "ava";
import { peersFinding } from "../../services/commands/doctor/peers.ts";
import { parsePeers } from "../../services/config/peers.ts";

test("the doctor tells that AMQP_PEERS is not set, and finds a login that may send in anybody's name", (t) => {
  const peers = parsePeers("gw=gateway");
  t.like(peersFinding(peers, []), { status: "ok", says: "gw (gateway)" });
  t.regex(peersFinding(undefined, []).todo ?? "", /npm run broker -- setup/);
  for (const tags of ["management,impersonator", ["impersonator"]])
    t.like(peersFinding(peers, [{ name: "gw", tags }]), {
      status: "problem",
      says: "gw may send in anybody's name",
    });
});
