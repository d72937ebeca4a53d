import { assertEquals } from "@std/assert";
import { phaseBands } from "../../../../lib/load/report/html_report/phase_bands.ts";

Deno.test("phaseBands() returns each phase from its beginning to that of the next", () => {
  assertEquals(
    phaseBands([
      { seconds: 0.5, phase: "connecting", phaseSeconds: 0.5 },
      { seconds: 1.5, phase: "warm-up", phaseSeconds: 0.75 },
      { seconds: 2.5, phase: "steady", phaseSeconds: 0.5 },
      { seconds: 3.5, phase: "steady", phaseSeconds: 1.5 },
      { seconds: 3.75, phase: "draining", phaseSeconds: 0.25 },
    ]),
    [
      { name: "connecting", from: 0, to: 0.75, isShaded: true },
      { name: "warm-up", from: 0.75, to: 2, isShaded: true },
      { name: "steady", from: 2, to: 3.5, isShaded: false },
      { name: "draining", from: 3.5, to: 3.75, isShaded: true },
    ],
  );
});

Deno.test("phaseBands() returns each stage of the steady phase, and shades every second one", () => {
  assertEquals(
    phaseBands([
      { seconds: 1, phase: "steady", phaseSeconds: 0.5, stage: 1 },
      { seconds: 2, phase: "steady", phaseSeconds: 1.5, stage: 2 },
      { seconds: 3, phase: "steady", phaseSeconds: 2.5, stage: 2 },
      { seconds: 4, phase: "draining", phaseSeconds: 0.5 },
    ]),
    [
      { name: "stage 1", from: 0.5, to: 1, isShaded: false },
      { name: "stage 2", from: 1, to: 3.5, isShaded: true },
      { name: "draining", from: 3.5, to: 4, isShaded: true },
    ],
  );
});

Deno.test("phaseBands() returns nothing for a run without points", () => {
  assertEquals(phaseBands([]), []);
});
