import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Page } from "playwright-core";

/** What axe-core finds wrong with a page as it is now: the rule and the element, one a line. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return await page.evaluate<string[]>(`(async () => {
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + " " + target + ": " + failureSummary));
  })()`);
}
