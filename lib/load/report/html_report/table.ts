import { escape } from "@std/html/entities";

/** A cell: a text, or a text with an emphasis. A fault is a sentence, which may have many lines. */
export type Cell = string | {
  readonly text: string;
  readonly is: "good" | "bad" | "fault" | "code";
};

/** A table. The first cell of each row is its header. */
export interface Table {
  /** What the table shows, for those who do not see it. */
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Returns a table as HTML. A narrow screen scrolls it. */
export function tableHtml({ caption, head, rows }: Table): string {
  const headers = head.map((text) => `<th scope="col">${escape(text)}</th>`).join("");
  const lines = rows.map(([first, ...cells]) =>
    `<tr><th scope="row"${attributes(first!)}>${escape(textOf(first!))}</th>${
      cells.map((cell) => `<td${attributes(cell)}>${escape(textOf(cell))}</td>`).join("")
    }</tr>`
  );
  return `<div class="scroll" role="region" aria-label="${escape(caption)}" tabindex="0"><table>` +
    `<caption>${escape(caption)}</caption><thead><tr>${headers}</tr></thead>` +
    `<tbody>${lines.join("")}</tbody></table></div>`;
}

/** A cell that stands out if it is not good. */
export function mark(text: string, isGood: boolean): Cell {
  return isGood ? text : { text, is: "bad" };
}

/** Returns a title with a capital letter. The names of percentiles have none. */
export function capitalized(text: string): string {
  return /^p\d/.test(text) ? text : text[0]!.toUpperCase() + text.slice(1);
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function attributes(cell: Cell): string {
  return typeof cell === "string" ? "" : ` class="${cell.is}"`;
}
