import { printable } from "../../cli/printable.ts";
import type { Measurement } from "../measure/measurement.ts";
import { formatNumber } from "./report.ts";

/** Whether every message was acked, and reached somebody who expected it. */
export function areMessagesAcked({ acks }: Pick<Measurement, "acks">): boolean {
  return !acks || acks.refused + acks.unanswered + acks.unknown + (acks.unreached ?? 0) === 0;
}

/** What is wrong with the acks, for the first lines of a report. */
export function ackFaultLines({ acks }: Pick<Measurement, "acks">): readonly string[] {
  if (!acks) return [];
  const { refused, unanswered, unknown, unreached = 0, unreachedNames } = acks;
  const faults = Object.entries({ refused, unanswered })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return [
    ...faults.length > 0 ? [`Not every message was acked: ${faults.join(", ")}`] : [],
    ...unknown > 0 ? [`Acks for messages that await none: ${unknown}`] : [],
    ...unreached > 0 ? [`Messages that were acked and reached nobody: ${unreached}`] : [],
    ...unreachedNames.map((name) => `  unreached: ${name}`),
  ];
}

/** What the server answered to the messages, under a heading. */
export function ackLines({ acks }: Pick<Measurement, "acks">): readonly string[] {
  if (!acks) return [];
  const { acked, refused, unanswered, unknown, unreached, errors, gaps } = acks;
  const codes = [...errors].map(([code, count]) => `${formatNumber(count)} × ${code}`).join(", ");
  return [
    "Acks",
    `  acked        ${formatNumber(acked)}`,
    `  refused      ${formatNumber(refused)}`,
    `  unanswered   ${formatNumber(unanswered)}`,
    ...unknown > 0
      ? [`  unknown      ${formatNumber(unknown)}, for messages that had their answer`]
      : [],
    ...unreached === undefined ? [] : [`  unreached    ${formatNumber(unreached)}`],
    ...codes === "" ? [] : [`  errors       ${codes}`],
    ...Array.from(gaps, ([reason, { count, missed }]) => {
      const gaps = `${formatNumber(count)} × ${printable(reason)}`;
      return `  gaps         ${gaps}, ${formatNumber(missed)} messages missing`;
    }),
  ];
}

/** What the server answered to the messages, for JSON; undefined if it does not answer. */
export function ackJson({ acks }: Pick<Measurement, "acks">) {
  if (!acks) return undefined;
  const { errors, gaps, unreached, unreachedNames, ...counts } = acks;
  return {
    ...counts,
    ...unreached === undefined ? {} : { unreached, unreachedMessages: unreachedNames },
    errors: Object.fromEntries(errors),
    gaps: Object.fromEntries(gaps),
  };
}
