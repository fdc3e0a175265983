// Shows the API's document, and lets each request be tried. Everything comes from openapi.json.

const MAX_SHOWN = 200_000; // characters of an answer that are shown; all of it can be saved
const MAX_HELD = 64 * 1024 * 1024; // bytes of an answer that are held to be shown or saved
const MAX_EVENTS = 500; // events of a stream that are shown, the newest
const TOKEN = "moviola-token"; // in the tab's own storage: gone with the tab

const byId = (id) => document.getElementById(id);

/** Make an element; texts are always texts, and never markup. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat(2).filter((child) => child != null && child !== false && child !== ""));
  return made;
}

const token = () => sessionStorage.getItem(TOKEN) ?? "";
const withToken = (headers = {}) => (token() ? { ...headers, Authorization: `Bearer ${token()}` } : headers);

// ── the document ─────────────────────────────────────────────────────────────────────────────────────────────────

let spec;

function resolved(schema) {
  if (!schema?.$ref) return schema ?? {};
  return schema.$ref.split("/").slice(1).reduce((part, name) => part[name], spec);
}

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  const one = schema.anyOf?.find((each) => each.type !== "null");
  if (one) return `${typeOf(one)} or null`;
  if (schema.enum) return schema.enum.join(" | ");
  const types = [schema.type ?? "any"].flat();
  const first = types[0];
  const name =
    first === "array" ? `list of ${typeOf(schema.items ?? {})}`
    : first === "object" && schema.additionalProperties ? `map of ${typeOf(schema.additionalProperties)}`
    : schema.format === "binary" || schema.contentEncoding || schema.contentMediaType ? "file"
    : first;
  return types.includes("null") ? `${name} or null` : name;
}

/** The record that a schema leads to, through lists, maps and "or null"; none for plain values. */
function recordIn(schema) {
  const one = resolved(schema);
  if (one.properties) return one;
  const inner = one.items ?? one.anyOf?.find((each) => each.type !== "null")
    ?? (typeof one.additionalProperties === "object" ? one.additionalProperties : null);
  return inner ? recordIn(inner) : null;
}

function fieldsTable(record) {
  const rows = Object.entries(record.properties).map(([name, schema]) => {
    const inner = recordIn(schema);
    return el("tr", {},
      el("th", { scope: "row" }, el("code", {}, name)),
      el("td", {},
        el("span", { class: "type" }, typeOf(schema)), " ", coded(schema.description ?? ""),
        inner && el("details", { ontoggle: (event) => fill(event.target, inner) }, el("summary", {}, "Its fields"))));
  });
  return el("table", {}, el("tbody", {}, rows));
}

function fill(details, record) {
  if (details.open && details.children.length === 1) details.append(fieldsTable(record));
}

/** What a request may be answered: what it is for at once, and how it may be refused on demand. */
function answersOf(operation) {
  const all = Object.entries(operation.responses);
  const refusals = all.filter(([status]) => status >= "400");
  return [
    answersTable(all.filter(([status]) => status < "400")),
    refusals.length && el("details", { class: "more" }, el("summary", {}, `${refusals.length} ways to be refused`), answersTable(refusals)),
  ];
}

function answersTable(answers) {
  const rows = answers.map(([status, answer]) => {
    const [, content] = Object.entries(answer.content ?? {})[0] ?? [];
    const record = status < "400" && content?.schema ? recordIn(content.schema) : null;
    const headers = Object.entries(answer.headers ?? {});
    return el("tr", {},
      el("td", { class: status < "400" ? "good" : "bad" }, el("code", {}, status)),
      el("td", {}, coded(answer.description),
        headers.map(([name, header]) => el("div", { class: "soft" }, el("code", {}, name), " ", coded(header.description))),
        record && el("details", { ontoggle: (event) => fill(event.target, record) }, el("summary", {}, "Its fields"))));
  });
  return el("table", {}, el("tbody", {}, rows));
}

// ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────

let count = 0;

/** A row with a label, an input for a schema and what it means. `read()` returns what was typed, as texts or files. */
function fieldFor(name, schema, about, required) {
  const id = `field-${++count}`;
  const item = schema.type === "array" ? resolved(schema.items) : schema;
  const several = schema.type === "array";
  const isFile = item.format === "binary";
  const hint = schema.default !== undefined && schema.default !== null ? `default: ${schema.default}` : "";
  let input;
  if (isFile) {
    input = el("input", { type: "file", multiple: several, required });
  } else if (item.enum && !several) {
    input = el("select", { required }, el("option", { value: "" }, hint || "—"), item.enum.map((each) => el("option", {}, each)));
  } else if (several) {
    input = el("textarea", { rows: 2, required, placeholder: "one a line", spellcheck: "false" });
  } else {
    const isNumber = item.type === "integer" || item.type === "number";
    input = el("input", {
      type: "text", required, spellcheck: "false", autocapitalize: "none", autocomplete: "off",
      inputmode: isNumber ? "numeric" : null, placeholder: hint,
    });
  }
  input.id = id;
  const row = el("div", { class: "field" },
    el("label", { for: id }, name, required && el("span", { class: "must", title: "must be given" }, " *")),
    input,
    about && el("small", { id: `${id}-about` }, coded(about)));
  if (about) input.setAttribute("aria-describedby", `${id}-about`);
  const read = () => {
    if (isFile) return [...input.files];
    const text = input.value.trim();
    if (!several) return text ? [text] : [];
    return text.split("\n").map((line) => line.trim()).filter(Boolean);
  };
  return { name, row, input, isFile, read };
}

function group(title, fields) {
  return fields.length ? el("fieldset", {}, title && el("legend", {}, title), fields.map((field) => field.row)) : null;
}

/** The inputs of an operation: its parameters, and what its body holds. */
function inputsOf(operation) {
  const fields = (place) => (operation.parameters ?? [])
    .filter((one) => one.in === place)
    .map((one) => fieldFor(one.name, resolved(one.schema), one.description, one.required));
  const inputs = { path: fields("path"), query: fields("query"), header: fields("header"), body: [], media: "" };
  const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!media) return inputs;
  inputs.media = media;
  const schema = resolved(content.schema);
  if (media === "multipart/form-data") {
    const must = schema.required ?? [];
    inputs.body = Object.entries(schema.properties)
      .map(([name, each]) => fieldFor(name, resolved(each), each.description, must.includes(name)));
  } else {
    inputs.body = [fieldFor("file", { type: "string", format: "binary" }, operation.requestBody.description, true)];
  }
  return inputs;
}

function shownInputs(inputs) {
  const first = inputs.body.slice(0, 3), rest = inputs.body.slice(3);
  const extra = [...rest, ...(inputs.body.length ? inputs.query : []), ...inputs.header];
  return [
    group("Path", inputs.path),
    inputs.body.length ? null : group("Query", inputs.query),
    group("Body", first),
    extra.length ? el("details", { class: "more" }, el("summary", {}, `${extra.length} more that can be said`), group("", extra)) : null,
  ];
}

// ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

function urlOf(path, inputs) {
  let url = path;
  for (const field of inputs.path) {
    const text = field.read()[0] ?? "";
    // a slash in a file's path stays one; a job's id has none
    url = url.replace(`{${field.name}}`, text ? text.split("/").map(encodeURIComponent).join("/") : `{${field.name}}`);
  }
  const query = new URLSearchParams();
  for (const field of inputs.query) for (const value of field.read()) query.append(field.name, value);
  const text = query.toString();
  return text ? `${url}?${text}` : url;
}

const quoted = (text) => (/^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function curlOf(method, path, inputs) {
  const words = ["curl"];
  if (method === "HEAD") words.push("-I");
  else if (method !== "GET" && !(method === "POST" && inputs.media.startsWith("multipart")) && !(method === "PUT" && inputs.media)) {
    words.push("-X", method);
  }
  if (token()) words.push("-H", '"Authorization: Bearer $TOKEN"');
  for (const field of inputs.header) for (const value of field.read()) words.push("-H", quoted(`${field.name}: ${value}`));
  if (inputs.media === "multipart/form-data") {
    for (const field of inputs.body) {
      const values = field.read().map((value) => (field.isFile ? `@${value.name}` : value));
      if (!values.length && field.input.required) values.push("@FILE");
      for (const value of values) words.push("-F", quoted(`${field.name}=${value}`));
    }
  } else if (inputs.body.length) {
    words.push("-T", quoted(inputs.body[0].read()[0]?.name ?? "FILE"));
  }
  words.push(quoted(location.origin + urlOf(path, inputs)));
  return words.join(" ");
}

function bodyOf(inputs) {
  if (!inputs.body.length) return undefined;
  if (inputs.media !== "multipart/form-data") return inputs.body[0].read()[0];
  const form = new FormData();
  for (const field of inputs.body) for (const value of field.read()) form.append(field.name, value);
  return form;
}

function showOperation(path, method, operation) {
  const inputs = inputsOf(operation);
  const all = [...inputs.path, ...inputs.query, ...inputs.header, ...inputs.body];
  const line = el("code", {});
  const refresh = () => { line.textContent = curlOf(method, path, inputs); };
  const answer = el("div", { "aria-live": "polite" });
  const send = el("button", { type: "submit", class: "main" }, "Send");
  const stop = el("button", { type: "button", hidden: true }, "Stop");
  const busy = el("span", { class: "busy" });
  const copy = el("button", { type: "button", onclick: () => copied(copy, line.textContent) }, "Copy");
  const form = el("form", { class: "inside", oninput: refresh, onsubmit: (event) => { event.preventDefault(); run(); } },
    paragraphs(operation.description),
    ...shownInputs(inputs),
    el("div", { class: "send" }, send, stop, busy),
    el("div", { class: "curl" }, el("pre", {}, line), copy),
    answer,
    el("div", {}, el("h3", {}, "Answers"), answersOf(operation)));

  async function run() {
    const ended = new AbortController();
    stop.onclick = () => ended.abort();
    send.disabled = true;
    stop.hidden = false;
    busy.textContent = "Asking …";
    answer.replaceChildren();
    const begun = performance.now();
    try {
      const headers = withToken();
      for (const field of inputs.header) for (const value of field.read()) headers[field.name] = value;
      const options = { method, headers, body: bodyOf(inputs), signal: ended.signal, cache: "no-store" };
      const response = await fetch(urlOf(path, inputs), options);
      await showAnswer(answer, response, performance.now() - begun, busy);
    } catch (error) {
      const text = error.name === "AbortError" ? "Stopped." : `No answer came: ${error.message}`;
      answer.append(el("p", { class: error.name === "AbortError" ? "soft" : "error" }, text));
    } finally {
      send.disabled = false;
      stop.hidden = true;
      busy.textContent = "";
    }
  }

  refresh();
  refreshers.push(refresh);
  for (const field of all) field.input.addEventListener("change", refresh);
  return el("details", { class: "operation", id: operation.operationId },
    el("summary", {},
      el("span", { class: `method ${method.toLowerCase()}` }, method),
      el("span", { class: "path" }, path),
      el("span", { class: "what" }, operation.summary)),
    form);
}

const refreshers = [];

async function copied(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

// ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function showAnswer(place, response, ms, busy) {
  const media = response.headers.get("content-type") ?? "";
  const length = Number(response.headers.get("content-length") ?? 0);
  const box = el("div", { class: `answer ${response.ok ? "good" : "bad"}` },
    el("div", { class: "head" },
      el("span", { class: "status" }, `${response.status} ${response.statusText}`),
      el("span", { class: "soft" }, `${Math.round(ms)} ms`),
      el("span", { class: "soft" }, media.split(";")[0])),
    el("details", { class: "more" }, el("summary", {}, "Headers"),
      el("pre", {}, [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n"))));
  place.append(box);
  if (media.startsWith("text/event-stream")) return showEvents(box, response, busy);
  if (length > MAX_HELD) {
    await response.body?.cancel();
    return box.append(el("p", { class: "soft" }, `${sized(length)} are too much to be shown here; take the curl line.`));
  }
  const blob = await response.blob();
  if (!blob.size) return box.append(el("p", { class: "soft" }, "Without a body."));
  if (/json/.test(media)) return box.append(jsonShown(await blob.text()));
  if (media.startsWith("text/")) return box.append(el("pre", {}, cut(await blob.text())));
  const url = URL.createObjectURL(blob);
  if (media.startsWith("image/")) box.append(el("img", { src: url, alt: "The answer, as a picture" }));
  if (media.startsWith("video/")) box.append(el("video", { src: url, controls: true }));
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  return box.append(el("p", {}, el("a", { href: url, download: named?.[1] ?? "answer" }, `Save ${sized(blob.size)}`)));
}

/** Append the events of a stream as they come, until it ends or is stopped. */
async function showEvents(box, response, busy) {
  const list = el("pre", {});
  box.append(list);
  busy.textContent = "Listening …";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const lines = [];
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split(/\r?\n\r?\n/);
    rest = parts.pop();
    lines.push(...parts.filter((part) => part && !part.startsWith(":")));
    lines.splice(0, lines.length - MAX_EVENTS);
    list.textContent = lines.join("\n\n");
    list.scrollTop = list.scrollHeight;
  }
}

function jsonShown(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* it is shown as it came */ }
  const pre = el("pre", {});
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;
  let at = 0;
  const whole = cut(shown);
  for (const match of whole.matchAll(pattern)) {
    pre.append(whole.slice(at, match.index));
    const kind = match[2] ? "key" : match[1] ? "text" : "number";
    pre.append(el("span", { class: kind }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  pre.append(whole.slice(at));
  return pre;
}

const cut = (text) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n… ${text.length - MAX_SHOWN} characters more` : text);

function sized(bytes) {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return power ? `${(bytes / 1024 ** power).toFixed(1)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}` : `${bytes} bytes`;
}

// ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────

function paragraphs(text) {
  return (text ?? "").split("\n\n").map((each) => el("p", {}, coded(each)));
}

/** Texts and, of what stands in backquotes, code. */
function coded(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

function render() {
  byId("about").textContent = `${spec.info.summary} Version ${spec.info.version}.`;
  const contents = byId("contents"), main = byId("operations");
  main.replaceChildren();
  for (const tag of spec.tags) {
    const found = Object.entries(spec.paths).flatMap(([path, item]) => Object.entries(item)
      .filter(([, operation]) => operation.tags?.includes(tag.name))
      .map(([method, operation]) => [path, method.toUpperCase(), operation]));
    if (!found.length) continue;
    contents.append(el("h2", {}, tag.name), el("ul", {}, found.map(([, method, operation]) =>
      el("li", {}, el("a", { href: `#${operation.operationId}` },
        el("span", { class: `method ${method.toLowerCase()}` }, method), operation.summary)))));
    main.append(el("section", { class: "group" }, el("h2", {}, tag.name), el("p", {}, coded(tag.description)),
      found.map((one) => showOperation(...one))));
  }
}

function openNamed() {
  const named = byId(decodeURIComponent(location.hash.slice(1)));
  if (!(named instanceof HTMLDetailsElement)) return;
  named.open = true;
  named.scrollIntoView();
  named.querySelector("summary").focus({ preventScroll: true });
}

async function showState() {
  const state = byId("state"), text = byId("state-text");
  const told = (kind, sentence) => { state.className = `state ${kind}`; text.textContent = sentence; };
  try {
    const health = await (await fetch("health", { cache: "no-store" })).json();
    if (!health.ready) return told("warn", "The gateway is there, and no cluster answers it");
    const stats = await fetch("stats", { headers: withToken(), cache: "no-store" });
    if (stats.status === 401) return told("warn", token() ? "This token is not known" : "Give your token");
    if (!stats.ok) return told("warn", (await stats.json()).detail);
    const { workers, jobs } = await stats.json();
    const there = workers.ready + workers.full + workers.draining;
    const open = jobs.pending + jobs.running + jobs.paused;
    return told(there ? "good" : "warn", `${there} ${there === 1 ? "worker" : "workers"}, ${open} open ${open === 1 ? "job" : "jobs"}`);
  } catch {
    return told("bad", "The gateway does not answer");
  }
}

byId("token").value = token();
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = byId("token").value.trim();
  if (given) sessionStorage.setItem(TOKEN, given);
  else sessionStorage.removeItem(TOKEN);
  for (const refresh of refreshers) refresh();
  showState();
});
addEventListener("hashchange", openNamed);

try {
  spec = await (await fetch("openapi.json")).json();
  render();
  openNamed();
} catch (error) {
  byId("operations").replaceChildren(el("p", { class: "error" }, `The API's document did not come: ${error.message}`));
}
await showState();
setInterval(() => { if (!document.hidden) showState(); }, 5000);
