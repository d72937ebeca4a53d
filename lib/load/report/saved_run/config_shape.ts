import { MAX_TIMER_MS } from "../../../cli/flags/duration.ts";
import type { Flag, FlagTable } from "../../../cli/flags/flag.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../../config.ts";
import * as json from "./json_shape.ts";

/** A file of `--users` may have more users than `--count` allows. */
const FLAGS = {
  ...CLIENT_FLAGS,
  count: { ...CLIENT_FLAGS.count, max: Number.MAX_SAFE_INTEGER },
} as const satisfies FlagTable;

/**
 * Reads the flags of a saved run, as strictly as the command line. A flag that the run does not
 * have is newer than the run: it has its default.
 */
export const CONFIG = json.object<ClientConfig>(
  Object.fromEntries(
    Object.entries(FLAGS).map(([key, flag]) => [key, flagReader(flag)]),
  ) as Record<keyof ClientConfig, json.Reader<never>>,
);

function flagReader(flag: Flag): json.Reader<unknown> {
  const reader = valueReader(flag);
  return (value, path) =>
    value === undefined || value === null || value === flag.default
      ? flag.default
      : reader(value, path);
}

function valueReader(flag: Flag): json.Reader<unknown> {
  switch (flag.kind) {
    case "switch":
    case "command":
    case "help":
      return json.boolean;
    case "text":
      return checkedText(flag);
    case "list":
    case "each":
      return json.list(checkedText(flag));
    case "choice":
      return json.oneOf(...flag.choices);
    case "integer":
      return numberIn(json.count, flag);
    default:
      return numberIn(json.number, { min: 0, max: MAX_TIMER_MS, ...flag });
  }
}

function checkedText({ check }: Pick<Flag & { kind: "text" }, "check">): json.Reader<string> {
  return (value, path) => {
    const text = json.text(value, path);
    const mustBe = check?.(text);
    if (mustBe !== undefined) throw new json.ShapeError(path, value, mustBe);
    return text;
  };
}

function numberIn(
  reader: json.Reader<number>,
  { min, max }: { readonly min: number; readonly max: number },
): json.Reader<number> {
  return (value, path) => {
    const number = reader(value, path);
    if (number < min || number > max) {
      throw new json.ShapeError(path, value, `from ${min} to ${max}`);
    }
    return number;
  };
}
