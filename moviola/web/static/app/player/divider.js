// The divider between before and after: dragged, or moved by keys.

import { h } from "../dom.js";

const STEP = 2; // per cent for an arrow key
const LEAP = 10; // … for Page Up and Page Down

/**
 * Make a divider.
 * @param {HTMLElement} stage over which it lies; its property `--divide` says where, in per cent from the left.
 * @returns {HTMLElement} the divider, a slider.
 */
export function makeDivider(stage) {
  const divider = h("div", {
    class: "player-divider", role: "slider", tabindex: "0", "aria-label": "Divider between before and after",
    "aria-orientation": "horizontal", "aria-valuemin": "0", "aria-valuemax": "100",
  }, h("span", { class: "player-grip", "aria-hidden": "true" }));
  let place = 50;
  const move = (to) => {
    place = Math.max(0, Math.min(100, to));
    stage.style.setProperty("--divide", `${place}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(place)));
    divider.setAttribute("aria-valuetext", `${Math.round(place)} % before, ${100 - Math.round(place)} % after`);
  };
  const drag = (event) => {
    const { left, width } = stage.getBoundingClientRect();
    move(((event.clientX - left) / width) * 100);
  };
  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.focus();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", (event) => divider.hasPointerCapture(event.pointerId) && drag(event));
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -LEAP, PageUp: LEAP };
    const to = { Home: 0, End: 100 };
    if (!(event.key in by) && !(event.key in to)) return;
    event.preventDefault();
    event.stopPropagation();
    move(event.key in to ? to[event.key] : place + by[event.key]);
  });
  move(place);
  return divider;
}
