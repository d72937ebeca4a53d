import { byId, element } from "./element.js";
import { formatShort } from "./format.js";
import { parseFigures, quantileBetween } from "./metrics_text.js";

/**
 * @typedef {import("./metrics_text.js").Figures} Figures
 * @typedef {import("./uplot.js")} Plot
 */

const PERIOD_MS = 1_000;

/** How many values a chart has. */
const POINTS = 60;

/** The server times only some of its flushes, so their percentile is one of so many readings. */
const FLUSH_READINGS = 10;

const CHART_HEIGHT = 44;

/**
 * The charts: each shows a value per second, computed from two readings, or from a longer series.
 *
 * @type {readonly {
 *   title: string,
 *   value: (now: Figures, before: Figures, about: { seconds: number, oldest: Figures }) =>
 *     number | undefined,
 *   format: (value: number) => string,
 * }[]}
 */
const CHARTS = [
  { title: "Connections", value: (now) => now.connections, format: formatShort },
  {
    title: "Messages per second",
    value: (now, before, { seconds }) => (now.messages - before.messages) / seconds,
    format: formatShort,
  },
  {
    title: "Deliveries per second",
    value: (now, before, { seconds }) => (now.deliveries - before.deliveries) / seconds,
    format: formatShort,
  },
  {
    title: "Flush, 99th percentile",
    value: (now, _before, { oldest }) => quantileBetween(0.99, oldest.flushes, now.flushes),
    format: (value) => `${formatShort(value * 1000)} ms`,
  },
  { title: "Slow readers so far", value: (now) => now.slowReaders, format: formatShort },
  {
    title: "Memory",
    value: (now) => now.memoryBytes,
    format: (value) => `${formatShort(value / 2 ** 20)} MiB`,
  },
];

/** Live charts of the server's own figures. They are read only while the panel is open. */
export class StatsPanel {
  #panel = byId("stats", HTMLElement);
  #charts = byId("charts", HTMLElement);
  #remark = byId("stats-remark", HTMLElement);
  /** @type {AbortController | undefined} */
  #open;
  /** @type {{ value: HTMLElement, plot: Plot, values: (number | null)[] }[]} */
  #drawn = [];

  /** Whether the panel is open. */
  get isOpen() {
    return this.#open !== undefined;
  }

  /** Opens or closes the panel. @param {boolean} isOpen */
  async toggle(isOpen) {
    if (isOpen === this.isOpen) return;
    this.#panel.hidden = !isOpen;
    if (!isOpen) {
      this.#open?.abort();
      this.#open = undefined;
      this.#clear();
      return;
    }
    const { signal } = this.#open = new AbortController();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const { plot } of this.#drawn) plot.redraw(false);
    }, { signal });
    this.#remark.textContent = "Reading the figures of the server…";
    const charts = await import("./uplot.js").catch(() => undefined);
    if (signal.aborted) return;
    if (charts) await this.#read(charts.default, signal);
    else {
      this.#remark.textContent = "The charts cannot be loaded, as this page may be older than " +
        "the server. Reload it.";
    }
  }

  /**
   * @param {typeof import("./uplot.js")} UPlot
   * @param {AbortSignal} signal
   */
  async #read(UPlot, signal) {
    /** @type {Figures[]} */
    let readings = [];
    let beforeMs = 0;
    while (!signal.aborted) {
      if (document.visibilityState === "visible") {
        const figures = await this.#fetch(signal);
        if (signal.aborted || figures === null) return;
        const nowMs = performance.now();
        const [oldest] = readings;
        const before = readings.at(-1);
        if (figures && before && oldest) {
          if (this.#drawn.length === 0) this.#draw(UPlot);
          this.#add(figures, before, { seconds: (nowMs - beforeMs) / 1000, oldest });
        }
        readings = figures ? [...readings, figures].slice(-FLUSH_READINGS) : [];
        beforeMs = nowMs;
      }
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
    }
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Figures | null | undefined>} Null if the server refuses them, and undefined if
   * it cannot give them at the moment.
   */
  async #fetch(signal) {
    try {
      const response = await fetch("metrics", { signal });
      if (response.ok) {
        const figures = parseFigures(await response.text());
        this.#remark.textContent = "";
        return figures;
      }
      if (response.status < 500) {
        this.#remark.textContent = "The figures of this server are not open to this page.";
        return null;
      }
    } catch {
      // The panel may be closed, or the server is not there.
    }
    this.#remark.textContent = "The server does not answer at the moment.";
    return undefined;
  }

  /** @param {typeof import("./uplot.js")} UPlot */
  #draw(UPlot) {
    this.#drawn = CHARTS.map(({ title }) => {
      const value = element("dd");
      const chart = element("div", { className: "chart", ariaHidden: "true" });
      this.#charts.append(element("div", {}, element("dt", {}, title), value, chart));
      const values = new Array(POINTS).fill(null);
      const color = () => getComputedStyle(chart).color;
      const fill = () => getComputedStyle(chart).backgroundColor;
      const plot = new UPlot(
        {
          width: chart.clientWidth,
          height: CHART_HEIGHT,
          padding: [3, 0, 0, 0],
          cursor: { show: false },
          legend: { show: false },
          axes: [{ show: false }, { show: false }],
          scales: {
            x: { time: false, range: [0, POINTS - 1] },
            y: { range: (_, _min, max) => [0, max > 0 ? max * 1.15 : 1] },
          },
          series: [{}, { stroke: color, fill, width: 1.5, points: { show: false } }],
        },
        [values.map((_, at) => at), values],
        chart,
      );
      return { value, plot, values };
    });
  }

  /**
   * @param {Figures} now
   * @param {Figures} before
   * @param {{ seconds: number, oldest: Figures }} about The time between them, and the first one.
   */
  #add(now, before, about) {
    for (const [at, { value: read, format }] of CHARTS.entries()) {
      const drawn = this.#drawn[at];
      if (!drawn) continue;
      const value = read(now, before, about);
      drawn.values.push(value ?? null);
      drawn.values.shift();
      drawn.value.textContent = value === undefined ? "–" : format(value);
      drawn.plot.setData([drawn.values.map((_, index) => index), drawn.values]);
    }
  }

  #clear() {
    for (const { plot } of this.#drawn) plot.destroy();
    this.#drawn = [];
    this.#charts.replaceChildren();
  }
}
