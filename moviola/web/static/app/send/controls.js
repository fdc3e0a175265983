// Controls of values, made of what is told of them: their type, bounds, choices and default.

import { h } from "../dom.js";

const LABELS = { preset: "encoder preset" }; // a preset of the whole is another thing

let made = 0;

/**
 * Make the control of a filter's parameter.
 * @param {Object} parameter as a filter's document tells it.
 * @param {string|undefined} value that is said; undefined: the default.
 * @param {function(string|undefined): void} onChange called with the new value, undefined for the default.
 * @param {function(File): string} onFile takes a file that the parameter is to name; returns the name.
 * @returns {HTMLElement} a labelled field.
 */
export function parameterField(parameter, value, onChange, onFile) {
  const id = `control-${++made}`;
  const unit = parameter.unit ? ` (${parameter.unit})` : "";
  const help = h("small", { id: `${id}-help` }, parameter.help);
  const says = (text) => onChange(text === String(parameter.default) || text === "" ? undefined : text);
  const now = value ?? String(parameter.default);
  const common = { id, "aria-describedby": `${id}-help` };
  let control;
  if (parameter.type === "bool") {
    const isOn = ["true", "yes", "on", "1"].includes(now.toLowerCase());
    const box = h("input", { ...common, type: "checkbox", checked: isOn, onchange: () => says(String(box.checked)) });
    return h("div", { class: "field" }, h("label", { class: "check", for: id }, box, parameter.name), help);
  }
  if (parameter.type === "asset") control = fileControl(common, value, onChange, onFile);
  else if (parameter.choices.length) control = select(common, parameter.choices, now, says);
  else if (parameter.type === "int" || parameter.type === "float") control = number(common, parameter, now, says);
  else control = h("input", { ...common, type: "text", value: now, autocomplete: "off", oninput: (event) => says(event.target.value) });
  return h("div", { class: "field" }, h("label", { for: id }, parameter.name, h("span", { class: "muted" }, unit)), control, help);
}

/**
 * Make the control of an option of the upload.
 * @param {Object} option as `GET /api/kinds` tells it.
 * @param {string|undefined} value that is said; undefined: the default.
 * @param {function(string|undefined): void} onChange called with the new value, undefined for the default.
 * @returns {HTMLElement} a labelled field.
 */
export function optionField(option, value, onChange) {
  const id = `control-${++made}`;
  const common = { id, "aria-describedby": `${id}-help` };
  const help = h("small", { id: `${id}-help` }, option.help);
  const says = (text) => onChange(text === option.default || text === "" ? undefined : text);
  const label = LABELS[option.name] ?? option.name.replaceAll("_", " ");
  if (option.is_switch) {
    const box = h("input", { ...common, type: "checkbox", checked: value === "on", onchange: () => says(box.checked ? "on" : "off") });
    return h("div", { class: "field" }, h("label", { class: "check", for: id }, box, label), help);
  }
  const choices = option.choices.includes(option.default) ? option.choices : ["", ...option.choices];
  const control = option.choices.length
    ? select(common, choices, value ?? (choices[0] === "" ? "" : option.default), says, option.default)
    : option.maximum !== null && option.maximum <= 100
      ? number(common, { type: "int", minimum: option.minimum, maximum: option.maximum, name: label, default: option.default }, value ?? option.default, says)
      : h("input", { ...common, type: "text", inputmode: "numeric", value: value ?? "", placeholder: option.default, oninput: (event) => says(event.target.value.trim()) });
  return h("div", { class: "field" }, h("label", { for: id }, label), control, help);
}

function select(common, choices, now, says, empty = "") {
  return h("select", { ...common, onchange: (event) => says(event.target.value) },
    choices.map((choice) => h("option", { value: choice, selected: choice === now }, choice || empty || "none")));
}

/**
 * Say which number is none, or out of its bounds, and what belongs there.
 * @param {Element} root has the controls.
 * @returns {string} a sentence; empty where all numbers can be.
 */
export function faultOf(root) {
  const field = root.querySelector("input[type=number][aria-invalid=true]");
  if (!field) return "";
  const bounds = field.min && field.max ? ` from ${field.min} to ${field.max}` : "";
  return `${field.labels[0].textContent}: write a ${field.step === "1" ? "whole number" : "number"}${bounds}, or nothing for the default.`;
}

/** A slider and a field for one number. Each follows the other; an empty field stands for the default. */
function number(common, { type, minimum, maximum, name, default: byDefault }, now, says) {
  const step = type === "int" ? 1 : fine((maximum - minimum) / 200);
  const slider = h("input", { type: "range", min: minimum, max: maximum, step, value: now, "aria-label": `${name}, slider` });
  const field = h("input", { ...common, type: "number", min: minimum, max: maximum, step: type === "int" ? 1 : "any", value: now });
  const judge = () => (field.checkValidity() ? field.removeAttribute("aria-invalid") : field.setAttribute("aria-invalid", "true"));
  slider.addEventListener("input", () => {
    field.value = slider.value;
    judge();
    says(slider.value);
  });
  field.addEventListener("input", () => {
    judge();
    slider.value = field.value || byDefault;
    says(field.value); // also where it cannot be: what was said before is not what is read here
  });
  judge();
  return h("div", { class: "slider" }, slider, field);
}

function fine(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return Number((power * (step / power >= 5 ? 5 : step / power >= 2 ? 2 : 1)).toPrecision(1));
}

function fileControl(common, value, onChange, onFile) {
  const named = h("span", { class: "muted" });
  const remove = h("button", { type: "button", class: "button quiet", onclick: () => take(undefined) }, "Use none");
  const input = h("input", { ...common, type: "file", class: "visually-hidden", tabindex: "-1", onchange: () => {
    if (input.files.length) take(onFile(input.files[0]));
    input.value = "";
  } });
  const show = (name) => {
    named.textContent = name ?? "no file chosen";
    remove.hidden = name === undefined;
  };
  const take = (name) => {
    show(name);
    onChange(name);
  };
  show(value);
  return h("div", { class: "row" }, input,
    h("button", { type: "button", class: "button", onclick: () => input.click() }, "Choose a file …"), named, remove);
}
