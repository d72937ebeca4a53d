import type { Measurement } from "../measure/measurement.ts";
import { formatNumber } from "./report.ts";

/** What the server answered to the messages, under a heading. */
export function ackLines({ acks }: Pick<Measurement, "acks">): readonly string[] {
  if (!acks) return [];
  const { acked, refused, unanswered, errors } = acks;
  const codes = [...errors].map(([code, count]) => `${formatNumber(count)} × ${code}`).join(", ");
  return [
    "Acks",
    `  acked        ${formatNumber(acked)}`,
    `  refused      ${formatNumber(refused)}`,
    `  unanswered   ${formatNumber(unanswered)}`,
    ...codes === "" ? [] : [`  errors       ${codes}`],
  ];
}

/** What the server answered to the messages, for JSON; undefined if it does not answer. */
export function ackJson({ acks }: Pick<Measurement, "acks">) {
  if (!acks) return undefined;
  const { errors, ...counts } = acks;
  return { ...counts, errors: Object.fromEntries(errors) };
}
