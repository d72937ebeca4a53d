import {
  configure,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type LogLevel,
  type TextFormatter,
} from "@logtape/logtape";
import { errorMessage } from "./error_message.ts";
import { printable } from "./printable.ts";
import { TextQueue } from "./text_queue.ts";

/** The level and the format of the log. */
export interface LoggingConfig {
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
}

/**
 * The maximum length of the waiting log lines, some 70,000 lines. A write under way may hold as
 * many again.
 */
const MAX_WAITING_LENGTH = 8 * 1024 ** 2;

const FORMATTERS: Record<LoggingConfig["logFormat"], () => TextFormatter> = {
  text: () =>
    getTextFormatter({
      timestamp: "rfc3339",
      value: (value) => printable(String(value)),
      format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
    }),
  json: () => getJsonLinesFormatter({ message: "template", properties: "flatten" }),
};

/**
 * Sends log records of the category `chorus` to standard output, one per line.
 *
 * @returns The queue of standard output. The program must print everything else through it, too.
 */
export async function configureLogging(config: LoggingConfig): Promise<TextQueue> {
  const format = FORMATTERS[config.logFormat]();
  const output = new TextQueue(Deno.stdout, {
    maxLength: MAX_WAITING_LENGTH,
    onDropped: (count) =>
      getLogger("log").warning(
        "{count} log lines were dropped here, because nothing read standard output",
        { count },
      ),
    onFailed: (error) =>
      errorOutput().push(`Cannot write to standard output: ${errorMessage(error)}\n`),
  });
  const stdout = (record: Parameters<TextFormatter>[0]) =>
    output.push(`${format(record).trimEnd()}\n`);
  await configure({
    sinks: { stdout },
    loggers: [
      { category: "chorus", lowestLevel: config.logLevel, sinks: ["stdout"] },
      { category: "log", lowestLevel: "warning", sinks: ["stdout"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stdout"] },
    ],
  });
  return output;
}

/**
 * Returns a queue of standard error for the last lines of the program. Lost lines are not reported.
 */
export function errorOutput(): TextQueue {
  return new TextQueue(Deno.stderr, {
    maxLength: MAX_WAITING_LENGTH,
    onDropped: () => {},
    onFailed: () => {},
  });
}
