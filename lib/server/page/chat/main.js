import { Attention, iconWith } from "./attention.js";
import { Composer } from "./composer.js";
import { CurlPopover } from "./curl.js";
import { byId } from "./element.js";
import { formatUnread } from "./format.js";
import { MembersView } from "./members_view.js";
import { MessageList } from "./message_list.js";
import { NameField } from "./name_field.js";
import { Notice } from "./notice.js";
import { Room } from "./room.js";
import { RoomsView } from "./rooms_view.js";
import { StatsPanel } from "./stats_panel.js";
import { StatusLine } from "./status_line.js";
import { readStored, writeStored } from "./stored.js";
import { takeToken, TokenDialog } from "./token.js";

const DEFAULT_ROOM = "lobby";

/** Each room has a connection of its own. For one more, the one visited first is left. */
const MAX_ROOMS = 8;

const NO_SPACE = "Leave a room first: all of them have unsent messages";
const NAME_REFUSED = "The server takes only visible characters in the name of a room";

const STORE_PERIOD_MS = 1_000;
const HIDDEN_PERIOD_MS = 250;
const FLOOD_PERIOD_MS = 150;

let token = takeToken();

/** @type {Map<string, Room>} */
const rooms = new Map();

/** @type {Room} */
let current;

const name = new NameField({ onChange: reconnect });
const list = new MessageList({ onScroll: schedule, onEdit: (text) => composer.edit(text) });
const composer = new Composer({ onSend: () => list.follow() });
const members = new MembersView();
const status = new StatusLine({ onRetry: () => current.retryNow() });
const tokenDialog = new TokenDialog({
  onToken: (given) => {
    token = given;
    reconnect();
  },
});
const notice = new Notice({
  onJoin: () => connect(current),
  onToken: () => tokenDialog.open(current.status.reason ?? ""),
});
const roomsView = new RoomsView({
  hrefOf,
  onOpen: (roomName) => {
    if (!makeSpaceFor(roomName)) return NO_SPACE;
    history.pushState(null, "", hrefOf(roomName));
    open(roomName);
    byId("rooms", HTMLElement).hidePopover();
    // On a phone, that would open the keyboard.
    if (matchMedia("(hover: hover)").matches) composer.focus();
    return undefined;
  },
  onLeave: leave,
  listRooms,
});
const attention = new Attention();
const curl = new CurlPopover();
const stats = new StatsPanel();
const statsButton = byId("stats-button", HTMLButtonElement);
const elsewhere = byId("elsewhere", HTMLElement);

/** The room whose token has been asked for, so that a dialog that was cancelled stays away. */
const askedFor = new Set();

let isScheduled = false;

/** Renders in the next frame, however much changes until then. */
function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  // A tab in the background has no frames.
  if (document.visibilityState !== "visible") setTimeout(renderHidden, HIDDEN_PERIOD_MS);
  // In a flood, most of the time belongs to the user's input.
  else if (list.isFlooded) setTimeout(() => requestAnimationFrame(render), FLOOD_PERIOD_MS);
  else requestAnimationFrame(render);
}

function render() {
  isScheduled = false;
  for (const room of [...rooms.values()]) leaveIfRefused(room);
  list.render();
  current.isAttended = document.visibilityState === "visible" && list.isFollowing;
  if (current.isAttended) current.markRead();
  status.render(current);
  members.render(current);
  notice.render(current);
  composer.render();
  name.render(current, token !== undefined);
  roomsView.render(rooms.values(), current);
  curl.render(current.name, token !== undefined);
  renderAttention();
  elsewhere.textContent = formatUnread([...rooms.values()].filter((room) => room !== current));
  const { state, needsToken, reason } = current.status;
  if (state === "closed" && needsToken && !askedFor.has(current)) {
    askedFor.add(current);
    tokenDialog.open(reason ?? "");
  }
}

/** Updates what a user can see of a tab in the background. */
function renderHidden() {
  isScheduled = false;
  renderAttention();
}

function renderAttention() {
  attention.render(current.name, formatUnread([...rooms.values()]));
}

/** Shows a room, and joins it if the user is not in it. @param {string} roomName */
function open(roomName) {
  const room = rooms.get(roomName) ?? join(roomName);
  if (room === current) return;
  current?.leave();
  current = room;
  list.show(room);
  composer.show(room);
  byId("room-name", HTMLElement).textContent = roomName;
  schedule();
}

/**
 * Leaves another room if there is no space for this one. Returns false if each has unsent messages.
 *
 * @param {string} roomName
 */
function makeSpaceFor(roomName) {
  if (rooms.has(roomName) || rooms.size < MAX_ROOMS) return true;
  const oldest = [...rooms.values()].find((room) => room !== current && room.outgoing.size === 0);
  if (oldest) remove(oldest);
  return oldest !== undefined;
}

/** @param {string} roomName */
function join(roomName) {
  const room = add(roomName);
  connect(room);
  return room;
}

/** @param {string} roomName */
function add(roomName) {
  const room = new Room({ name: roomName, onChange: schedule });
  rooms.set(roomName, room);
  writeStored("rooms", [...rooms.keys()]);
  return room;
}

/** @param {string} roomName */
function leave(roomName) {
  const room = rooms.get(roomName);
  if (!room) return;
  remove(room);
  if (room === current) {
    const [next = DEFAULT_ROOM] = rooms.keys();
    history.replaceState(null, "", hrefOf(next));
    open(next);
  }
  schedule();
}

/**
 * Leaves a room that the server refuses by its name, so that the next visit does not ask for it.
 *
 * @param {Room} room
 */
function leaveIfRefused({ name, status: { state, code, reason = "" } }) {
  // The name of the user may be refused as well.
  if (state !== "closed" || code !== 400 || !/^(\?room=|The room )/.test(reason)) return;
  leave(name);
  roomsView.refuse(name, NAME_REFUSED);
}

/** @param {Room} room */
function remove(room) {
  room.close();
  rooms.delete(room.name);
  writeStored("rooms", [...rooms.keys()]);
}

/** @param {Room} room */
function connect(room) {
  room.connect({ name: name.name, token });
}

/** Connects again as another user. */
function reconnect() {
  askedFor.clear();
  for (const room of rooms.values()) connect(room);
}

/** @returns {Promise<string[]>} */
async function listRooms() {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch("rooms", { headers });
    if (!response.ok) return [];
    const { rooms } = await response.json();
    return rooms.map((/** @type {{ name: string }} */ room) => room.name);
  } catch {
    return [];
  }
}

/** @param {string} roomName */
function hrefOf(roomName) {
  const query = new URLSearchParams();
  if (roomName !== DEFAULT_ROOM) query.set("room", roomName);
  if (stats.isOpen) query.set("stats", "");
  return query.size > 0 ? `?${query}` : location.pathname;
}

/** Shows what the address says. */
function openAddress() {
  const query = new URLSearchParams(location.search);
  const roomName = (query.get("room") || DEFAULT_ROOM).normalize();
  if (makeSpaceFor(roomName)) open(roomName);
  else {
    const [first = DEFAULT_ROOM] = rooms.keys();
    open(current?.name ?? first);
    history.replaceState(null, "", hrefOf(current.name));
    roomsView.refuse(roomName, NO_SPACE);
  }
  toggleStats(query.has("stats"));
}

/** @param {boolean} isOpen */
function toggleStats(isOpen) {
  statsButton.ariaPressed = String(isOpen);
  stats.toggle(isOpen);
}

statsButton.addEventListener("click", () => {
  toggleStats(!stats.isOpen);
  history.replaceState(null, "", hrefOf(current.name));
  const side = byId("side", HTMLElement);
  // On a narrow screen, the panel is in a drawer.
  if (stats.isOpen && getComputedStyle(side).display === "none") side.showPopover();
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") {
    current.leave();
    store();
  }
  // A frame or a timer that is pending belongs to the other state, and may not come for long.
  isScheduled = false;
  schedule();
});
addEventListener("popstate", openAddress);
addEventListener("hashchange", () => {
  const taken = takeToken();
  if (taken === token) return;
  token = taken;
  tokenDialog.close();
  reconnect();
});
addEventListener("pagehide", store);
addEventListener("online", schedule);
addEventListener("offline", schedule);

/** Stores what the next visit continues with. */
function store() {
  composer.storeDraft();
  storeRead();
}

function storeRead() {
  for (const room of rooms.values()) room.storeRead();
}
setInterval(storeRead, STORE_PERIOD_MS);

byId("icon", HTMLLinkElement).href = iconWith("");
const stored = readStored("rooms");
if (Array.isArray(stored)) {
  for (const roomName of stored.slice(0, MAX_ROOMS)) {
    if (typeof roomName === "string") add(roomName);
  }
}
const known = [...rooms.values()];
openAddress();
// The room that is shown connects first.
known.sort((one, other) => Number(other === current) - Number(one === current));
for (const room of known) if (rooms.has(room.name)) connect(room);
