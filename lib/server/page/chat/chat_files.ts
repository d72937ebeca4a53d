import linkify from "linkifyjs/dist/linkify.min.js" with { type: "text" };
import plot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import attention from "./attention.js" with { type: "text" };
import composer from "./composer.js" with { type: "text" };
import curl from "./curl.js" with { type: "text" };
import element from "./element.js" with { type: "text" };
import failedMessages from "./failed_messages.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import html from "./index.html" with { type: "text" };
import links from "./links.js" with { type: "text" };
import main from "./main.js" with { type: "text" };
import membersView from "./members_view.js" with { type: "text" };
import messageList from "./message_list.js" with { type: "text" };
import messageView from "./message_view.js" with { type: "text" };
import metricsText from "./metrics_text.js" with { type: "text" };
import nameField from "./name_field.js" with { type: "text" };
import notice from "./notice.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import room from "./room.js" with { type: "text" };
import roomsView from "./rooms_view.js" with { type: "text" };
import rowWindow from "./row_window.js" with { type: "text" };
import statsPanel from "./stats_panel.js" with { type: "text" };
import statusLine from "./status_line.js" with { type: "text" };
import stored from "./stored.js" with { type: "text" };
import timeline from "./timeline.js" with { type: "text" };
import token from "./token.js" with { type: "text" };

/** The modules that the page needs at once, by the name under which others import them. */
const MODULES: Readonly<Record<string, string>> = {
  "attention.js": attention,
  "composer.js": composer,
  "curl.js": curl,
  "element.js": element,
  "failed_messages.js": failedMessages,
  "format.js": format,
  // The packages have these files for script elements. They are half as large as their modules.
  "linkify.js": `${linkify}\nexport const { tokenize } = linkify;\n`,
  "links.js": links,
  "main.js": main,
  "members_view.js": membersView,
  "message_list.js": messageList,
  "message_view.js": messageView,
  "metrics_text.js": metricsText,
  "name_field.js": nameField,
  "notice.js": notice,
  "room.js": room,
  "rooms_view.js": roomsView,
  "row_window.js": rowWindow,
  "stats_panel.js": statsPanel,
  "status_line.js": statusLine,
  "stored.js": stored,
  "timeline.js": timeline,
  "token.js": token,
};

/** The files of the chat page, apart from those that it shares with other pages. */
export const CHAT_FILES: Readonly<Record<string, string>> = {
  ...MODULES,
  "page.css": style,
  // Loaded when the user opens the panel.
  "uplot.js": `${plot}\nexport default uPlot;\n`,
};

/** The document. Browsers fetch all modules at once, and not one import after the other. */
export const CHAT_DOCUMENT = html.replace(
  "<!-- MODULES -->",
  ["../chorus.js", ...Object.keys(MODULES)].map((name) =>
    `<link rel="modulepreload" href="${new URL(name, "x:/assets/DIGEST/chat/").pathname.slice(1)}">`
  ).join("\n    "),
);
