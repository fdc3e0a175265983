// The page's frame: which view an address shows, how one gets from one to another, and what is said about the whole.

import * as api from "./api.js";
import { clear, h } from "./dom.js";
import { live } from "./live.js";
import { capabilities } from "./parts/capabilities.js";
import * as compare from "./views/compare.js";
import * as job from "./views/job.js";
import * as jobs from "./views/jobs.js";
import * as login from "./views/login.js";
import * as send from "./views/send.js";
import * as watch from "./views/watch.js";
import * as workers from "./views/workers.js";

/** What shows each address: a pattern, whose groups are the view's `params`, and the view's module. All come with the page:
 * one that were loaded when it is shown, and could not be, would stay away until the page is loaded again. */
const ROUTES = [
  [/^\/$/, jobs],
  [/^\/send$/, send],
  [/^\/jobs\/(?<id>[^/]+)$/, job],
  [/^\/jobs\/(?<id>[^/]+)\/watch\/(?<output>.+)$/, watch],
  [/^\/workers$/, workers],
  [/^\/compare$/, compare],
  [/^\/login$/, login],
];

const SAID_MS = 8000; // how long a sentence stays; one about a failure stays until it is closed

const root = document.getElementById("view");
let cleanup = () => {};
let isShown = false;

/** What a view gets; `who` asks, as `GET /api/session` tells it, null until that is known. */
const app = { api, live, navigate, say, session, logIn, who: null };

/**
 * @returns {Promise<{user: string, is_admin: boolean, needs_login: boolean}>} who asks. Raises Problem.
 */
async function session() {
  const told = await api.get("/api/session");
  showAccount(told);
  return told;
}

/**
 * Begin a session.
 * @param {string} token of somebody.
 */
async function logIn(token) {
  showAccount(await api.post("/api/session", { token }));
  live.start();
}

async function logOut() {
  try {
    showAccount(await api.del("/api/session"));
    live.stop();
    navigate("/login");
  } catch (problem) {
    say(problem.detail, "bad");
  }
}

function showAccount(who) {
  const { user, needs_login: needsLogin } = who;
  app.who = who;
  document.body.classList.toggle("is-out", needsLogin && !user);
  clear(document.getElementById("account"), needsLogin && user && [
    h("span", { class: "who" }, user),
    h("button", { class: "button small", type: "button", onclick: logOut }, "Log out"),
  ]);
}

/**
 * Show another address.
 * @param {string} path of the page.
 * @param {{replace?: boolean}} [how] `replace`: the way back leads past the address that is left.
 */
export function navigate(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  return show();
}

/**
 * Say something that happened, where it disturbs nothing.
 * @param {string} sentence what.
 * @param {"info"|"good"|"bad"} [kind] how it is meant.
 */
export function say(sentence, kind = "info") {
  const close = () => item.remove();
  const item = h("div", { class: `saying ${kind}` },
    h("p", {}, sentence),
    h("button", { class: "button quiet", type: "button", "aria-label": "Close this note", onclick: close }, "Close"));
  document.getElementById("sayings").append(item);
  if (kind !== "bad") setTimeout(close, SAID_MS);
}

/** Show what the address names. */
function show({ isFirst = false } = {}) {
  isShown = true;
  const { view, params } = placeOf(location.pathname);
  markTab(location.pathname);
  cleanup();
  cleanup = () => {};
  clear(root);
  try {
    if (!view) throw new api.Problem(404, "no-page", "There is no such page.");
    document.title = `${view.title} · Moviola`;
    cleanup = view.default(root, params, app) ?? (() => {});
  } catch (error) {
    document.title = "Moviola";
    clear(root, failure(error));
  }
  if (!isFirst) {
    root.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function failure(error) {
  if (!(error instanceof api.Problem)) console.error(error);
  const detail = error instanceof api.Problem ? error.detail : "This page could not be shown. Load it again.";
  return [h("h1", {}, "Nothing to show"), h("div", { class: "empty" }, h("p", {}, detail), h("p", {}, h("a", { href: "/" }, "To the jobs")))];
}

function placeOf(path) {
  for (const [pattern, view] of ROUTES) {
    const found = path.match(pattern);
    if (found) {
      const groups = Object.entries(found.groups ?? {});
      return { view, params: Object.fromEntries(groups.map(([key, value]) => [key, decodeURIComponent(value)])) };
    }
  }
  return { view: null, params: {} };
}

function markTab(path) {
  for (const tab of document.querySelectorAll(".tabs a")) {
    const at = tab.getAttribute("href");
    const isHere = at === "/" ? path === "/" || path.startsWith("/jobs/") : path === at;
    if (isHere) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function showState() {
  const words = { live: "Live", connecting: "Connecting …", away: "Away" };
  const place = document.getElementById("connection");
  place.dataset.state = live.state;
  clear(place, h("span", { class: "dot", "aria-hidden": "true" }), words[live.state]);
  const notice = document.getElementById("notice");
  const isAway = live.state === "away";
  clear(notice, isAway && h("p", { class: "notice", role: "alert" }, live.reason, live.isRead && " This page shows how it was before."));
  document.body.classList.toggle("is-away", isAway);
}

/** Lead the keyboard to a place of the view that is shown. */
function goTo(hash) {
  document.getElementById(decodeURIComponent(hash.slice(1)))?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname.startsWith("/api/") || !placeOf(url.pathname).view) return;
  event.preventDefault();
  if (url.pathname === location.pathname && url.hash) return goTo(url.hash); // a navigation would show the view anew
  navigate(url.pathname + url.search);
});
window.addEventListener("popstate", () => show());
api.onLoginNeeded(() => {
  if (location.pathname !== "/login") {
    navigate(`/login?to=${encodeURIComponent(location.pathname)}`, { replace: true });
  }
});
live.on("state", showState);

/** Begin: nobody who has to log in is shown anything else before. */
async function begin() {
  showState();
  let needsLogin = false;
  try {
    const { user, needs_login: asks } = await session();
    needsLogin = asks && !user;
  } catch {
    const end = live.on("state", () => { // the gateway is away: who asks is told once it is back
      if (live.state !== "live") return;
      end();
      session().catch(() => {});
    });
  }
  if (!needsLogin) live.start();
  if (needsLogin && location.pathname !== "/login") {
    navigate(`/login?to=${encodeURIComponent(location.pathname)}`, { replace: true });
  } else if (!isShown) { // somebody may have followed a link meanwhile
    show({ isFirst: true });
  }
  const { info } = await capabilities();
  document.getElementById("version").textContent = `Moviola ${info.version}`;
}

begin().catch(() => {}); // its last step tells the version, which may be missing
