// Keeps a page as things are now, by server-sent events, and asks before what cannot be
// taken back. Pages work without it: they are loaded again.
"use strict";

const main = document.querySelector("main[data-live]");
let source = null;
let last = "";

function replace(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const element = document.getElementById(id);

    if (element === null || element.contains(document.activeElement) && document.activeElement.matches("input, select")) continue;

    const held = element.contains(document.activeElement);
    element.outerHTML = html;

    if (held) document.getElementById(id)?.querySelector("a, button")?.focus();
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
