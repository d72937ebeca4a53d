/** One dot of a chart. */
export interface Value {
  readonly label: string;
  readonly value: number;
}

/** The content of a chart. */
export interface Chart {
  readonly title: string;
  /** The quantity of the values, with its unit. */
  readonly unit: string;
  readonly series: readonly { readonly name: string; readonly values: readonly Value[] }[];
}

const WIDTH = 720, LABEL_WIDTH = 240, VALUE_WIDTH = 90, LEGEND_WIDTH = 142;
const ROW = 16, GAP = 4, GROUP_GAP = 16, TOP = 64;

/** Colors that are distinct on light and on dark pages. */
const COLORS = ["#2f81f7", "#d29922", "#3fb950", "#a371f7", "#db6d28"];

/**
 * Draws values as an SVG for light and dark pages: one row per label, one dot per series. The scale
 * is logarithmic, so there are dots rather than bars: the length of a bar would mean nothing.
 */
export function dotChart({ title, unit, series }: Chart): string {
  const labels = [...new Set(series.flatMap(({ values }) => values.map(({ label }) => label)))];
  const all = series.flatMap(({ values }) => values.map(({ value }) => value)).filter((v) => v > 0);
  const from = Math.floor(Math.log10(Math.min(...all)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...all))));
  const span = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const xOf = (value: number) => LABEL_WIDTH + (Math.log10(value) - from) / (to - from) * span;

  let y = TOP;
  const parts: string[] = [];
  for (const label of labels) {
    parts.push(text(LABEL_WIDTH - 8, y + ROW - 4, label, "end"));
    for (const [index, { values }] of series.entries()) {
      const value = values.find((each) => each.label === label)?.value;
      if (value === undefined || value <= 0) continue;
      const x = xOf(value);
      parts.push(
        `<circle cx="${x.toFixed(1)}" cy="${y + ROW / 2}" r="5" fill="${
          COLORS[index % COLORS.length]
        }"/>`,
        text(x + 9, y + ROW - 4, short(value)),
      );
      y += ROW + GAP;
    }
    y += GROUP_GAP;
  }
  const legend = series.map(({ name }, index) => {
    const x = 8 + index * LEGEND_WIDTH;
    const color = COLORS[index % COLORS.length];
    return `<circle cx="${x + 5}" cy="45" r="5" fill="${color}"/>${text(x + 14, 49, name)}`;
  });
  const decades = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  const grid = decades.map((decade) =>
    `<line x1="${xOf(decade)}" x2="${xOf(decade)}" y1="${TOP - 4}" y2="${y}"/>` +
    text(xOf(decade), y + 12, short(decade), "middle")
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
      y + 20
    }" font-family="sans-serif" font-size="12">`,
    "<style>text{fill:#57606a}line{stroke:#8b949e55}" +
    "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>",
    `<title>${escape(title)}</title>`,
    text(8, 20, `${title} (${unit}, logarithmic)`),
    ...(series.length > 1 ? legend : []),
    ...grid,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** Formats a number with two or three digits and a unit: 12.3 M. */
export function short(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)} M`;
  if (value >= 1e4) return `${digits(value / 1e3)} k`;
  return digits(value);
}

function digits(value: number): string {
  if (value === 0 || value >= 100) return String(Math.round(value));
  return Number(value.toPrecision(value >= 10 ? 3 : 2)).toString();
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
