import {
  configure,
  getJsonLinesFormatter,
  getTextFormatter,
  type LogLevel,
  type TextFormatter,
} from "@logtape/logtape";
import { printable } from "./printable.ts";

/** The level and the format of the log. */
export interface LoggingConfig {
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
}

const FORMATTERS: Record<LoggingConfig["logFormat"], () => TextFormatter> = {
  text: () =>
    getTextFormatter({
      timestamp: "rfc3339",
      value: (value) => printable(String(value)),
      format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
    }),
  json: () => getJsonLinesFormatter({ message: "template", properties: "flatten" }),
};

/** Sends log records of the category `chorus` to standard output, one per line. */
export async function configureLogging(config: LoggingConfig): Promise<void> {
  const format = FORMATTERS[config.logFormat]();
  await configure({
    sinks: { stdout: (record) => console.log(format(record).trimEnd()) },
    loggers: [
      { category: "chorus", lowestLevel: config.logLevel, sinks: ["stdout"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stdout"] },
    ],
  });
}
