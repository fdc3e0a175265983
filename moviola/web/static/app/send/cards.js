// Cards of the filters that there are for what was chosen. A click puts one at the end of the chain.

import { clear, h } from "../dom.js";

/**
 * Make the cards.
 * @param {function(string): void} onChoose called with the name of a filter that is chosen.
 * @returns {{root: HTMLElement, show: function(Object[], Object[]): void}} `show` takes all filters, and the kinds of
 *   material that are to be filtered.
 */
export function filterCards(onChoose) {
  let filters = [];
  let kinds = [];
  const search = h("input", { type: "search", id: "filter-search", placeholder: "blur, faces, size …", autocomplete: "off", oninput: fill });
  const list = h("ul", { class: "filter-cards" });
  const count = h("p", { class: "muted small", role: "status" });
  const root = h("section", { class: "card stack", "aria-labelledby": "filters-title" },
    h("div", { class: "row apart" }, h("h2", { id: "filters-title" }, "Filters"), count),
    h("div", { class: "field" }, h("label", { for: "filter-search" }, "Search"), search), list);

  function fill() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const suited = filters.filter((filter) => kinds.some((kind) => suits(filter, kind)));
    const found = suited.filter((filter) => words.every((word) => searched(filter).includes(word)));
    count.textContent = found.length === suited.length ? `${found.length} filters` : `${found.length} of ${suited.length}`;
    clear(list, found.map((filter) => h("li", {}, card(filter, onChoose))));
    if (!found.length) clear(list, h("li", { class: "muted" }, suited.length ? `No filter is about “${search.value}”.` : "No filter is known yet: no worker has ever been connected."));
  }

  return { root, show: (all, of) => {
    [filters, kinds] = [all, of];
    fill();
  } };
}

/**
 * @param {Object} filter as its document tells it.
 * @param {Object} kind of material.
 * @returns {boolean} whether it is for that kind.
 */
export function suits(filter, kind) {
  const looksBack = filter.context_needed && filter.context !== 0;
  return kind.takes.includes(filter.material) && (kind.is_sequence || !looksBack);
}

function card(filter, onChoose) {
  return h("button", { type: "button", class: "filter-card", onclick: () => onChoose(filter.name) },
    h("strong", {}, filter.name), h("span", {}, filter.summary),
    filter.hides && h("span", { class: "muted small" }, "frames on which it fails are black"),
    !filter.workers && h("span", { class: "badge warn" }, filter.label ? `no worker labelled ${filter.label} offers it now` : "no worker offers it now"));
}

const searched = (filter) =>
  [filter.name, filter.summary, ...filter.parameters.map((one) => `${one.name} ${one.help}`)].join(" ").toLowerCase();
