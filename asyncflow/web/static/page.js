// Keeps a page as things are now, by server-sent events, and asks before what cannot be
// taken back. Pages work without it: they are loaded again.
"use strict";

const STOPS = "a[href], button, summary, [tabindex]";
const main = document.querySelector("main[data-live]");
let source = null;
let last = "";
const scales = {};

function replace(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const element = document.getElementById(id);

    if (element === null || element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;

    const held = element.contains(document.activeElement);
    const place = [...element.querySelectorAll(STOPS)].indexOf(document.activeElement);
    element.outerHTML = html;
    scale(id, scales[id] ?? 1);

    if (held) {
      const stops = document.getElementById(id)?.querySelectorAll(STOPS);
      (stops?.[place] ?? stops?.[0])?.focus();
    }
  }
}

function append({ id, text }) {
  const element = document.getElementById(id);
  const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 8;
  const part = document.createElement("pre");
  part.textContent = text.replace(/\n$/, "");
  element.append(part);

  if (atEnd) element.scrollTop = element.scrollHeight;
}

function open() {
  const url = new URL(main.dataset.live, location.href);

  if (last) url.searchParams.set("last", last);

  source = new EventSource(url);
  source.addEventListener("parts", (event) => {
    last = event.lastEventId;
    replace(JSON.parse(event.data));
  });
  source.addEventListener("text", (event) => {
    last = event.lastEventId;
    append(JSON.parse(event.data));
  });
  source.addEventListener("ended", () => {
    close();
    document.removeEventListener("visibilitychange", toggle);

    if (document.getElementById("log")) location.reload();
  });
}

function close() {
  source?.close();
  source = null;
}

function toggle() {
  if (document.hidden) close();
  else if (source === null) open();
}

if (main) {
  document.addEventListener("visibilitychange", toggle);
  addEventListener("pagehide", close);

  if (!document.hidden) open();
}

// Pictures are made larger and smaller, and texts copied, by buttons that only a script
// can serve.
function button(text, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.ariaLabel = label;
  made.addEventListener("click", act);
  return made;
}

function scale(id, factor) {
  const svg = document.querySelector(`#${id} svg`);

  if (svg === null || factor === 1) return;

  for (const side of ["width", "height"]) {
    svg.setAttribute(side, svg.getBoundingClientRect()[side] * factor);
  }
}

function zoom(id, factor) {
  scales[id] = (scales[id] ?? 1) * factor;
  scale(id, factor);
}

for (const picture of document.querySelectorAll(".picture")) {
  const bar = document.createElement("div");
  bar.className = "zoom";
  bar.append(
    button("+", "Larger: " + picture.ariaLabel, () => zoom(picture.id, 1.25)),
    button("\u2212", "Smaller: " + picture.ariaLabel, () => zoom(picture.id, 0.8)),
  );
  picture.before(bar);
}

for (const text of document.querySelectorAll(".log, pre.error")) {
  const copy = button("Copy", "Copy: " + (text.ariaLabel || "the text"), async () => {
    await navigator.clipboard.writeText([...text.childNodes].map((part) => part.textContent).join("\n"));
    copy.textContent = "Copied";
  });
  text.before(copy);
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;

  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select, textarea")) {
    const field = document.querySelector("form.filters input");

    if (field) {
      event.preventDefault();
      field.focus();
    }
  }
});
